import { html } from 'hono/html';
import type { Child } from 'hono/jsx';

/** Adds the doctype. Without it a browser uses quirks mode (HTML Living Standard, 13.2.6.4.1). */
export const withDoctype = (page: Child) => html`<!doctype html>${page}`;

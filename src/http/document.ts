import { html } from 'hono/html';
import type { Child } from 'hono/jsx';

/** A page as it is sent. Without the doctype a browser lays it out by the rules of the nineties (HTML Living Standard, 13.2.6.4.1). */
export const withDoctype = (page: Child) => html`<!doctype html>${page}`;

import { Hono } from 'hono';

import referencePage from '../../dist/reference/docs.html';
import openApiDocument from '../../dist/reference/openapi.txt';
import type { HttpEnv } from './context.ts';

/** The API reference, for tools and for people. Made at build time by `scripts/reference.ts`; here it is only text. */
export const reference = new Hono<HttpEnv>();

const KEPT_BRIEFLY = { 'Cache-Control': 'public, max-age=300' };

reference.get('/openapi.json', (c) =>
  c.body(openApiDocument, 200, { ...KEPT_BRIEFLY, 'Content-Type': 'application/json' }),
);
reference.get('/docs', (c) =>
  c.body(referencePage, 200, { ...KEPT_BRIEFLY, 'Content-Type': 'text/html; charset=utf-8' }),
);

import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';

import type { HttpEnv } from './context.ts';

const EXPOSED = ['Content-Disposition', 'ETag', 'Link', 'Retry-After', 'X-Request-Id'];

const preflight = cors({
  origin: '*',
  allowMethods: ['GET', 'POST', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type', 'If-None-Match'],
  exposeHeaders: EXPOSED,
  maxAge: 600,
});

/**
 * What a page of another origin may do: call the routes that take a user token, with that token as a bearer. Any origin
 * is allowed, because these routes read no cookie. `X-API-Key` is not allowed across origins, so that a key does not
 * end up in a page for convenience.
 *
 * Hono's middleware makes its own answer for the headers and merges it with the route's: three answers for one.
 */
export const allowCrossOrigin = createMiddleware<HttpEnv>(async (c, next) => {
  if (c.req.method === 'OPTIONS') return preflight(c, next);
  c.header('Access-Control-Allow-Origin', '*');
  c.header('Access-Control-Expose-Headers', EXPOSED.join(','));
  await next();
});

/** The routes that take a user token. */
export const USER_TOKEN_PATHS = [
  '/apps/:app_id/withings/sync/:user_id',
  '/apps/:app_id/withings/status/:user_id',
  '/apps/:app_id/withings/disconnect/:user_id',
  '/apps/:app_id/metrics/*',
] as const;

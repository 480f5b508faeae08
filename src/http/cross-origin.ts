import { cors } from 'hono/cors';

/**
 * What a page of another origin may do: call the routes that take a user token, with that token as a bearer. Any origin, because no
 * cookie is ever looked at there: a page has what it brings. `X-API-Key` is not allowed across origins, so that a key does not end up in
 * a page by convenience.
 */
export const fromAnyPage = cors({
  origin: '*',
  allowMethods: ['GET', 'POST', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type', 'If-None-Match'],
  exposeHeaders: ['ETag', 'Retry-After', 'X-Request-Id'],
  maxAge: 600,
});

/** The routes that take a user token. */
export const USER_TOKEN_PATHS = [
  '/apps/:app_id/withings/sync/:user_id',
  '/apps/:app_id/withings/status/:user_id',
  '/apps/:app_id/withings/disconnect/:user_id',
  '/apps/:app_id/metrics/*',
] as const;

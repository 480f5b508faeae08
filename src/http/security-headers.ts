import { createMiddleware } from 'hono/factory';

import type { HttpEnv } from './context.ts';

/** What a page of ours may load: its own stylesheet, and nothing that runs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** What every answer says, the platform's own of static files included. */
export const HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // A route may say otherwise: data that is validated may be kept, and the dashboard's forms need the browser to tell their origin.
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
};

/** Headers of every answer. Said before there is one: then it is made with them, not copied to have them. */
export const securityHeaders = createMiddleware<HttpEnv>(async (c, next) => {
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
  await next();
});

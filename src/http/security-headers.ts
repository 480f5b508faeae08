import { createMiddleware } from 'hono/factory';

import type { HttpEnv } from './context.ts';

/** What a page may load: its own stylesheet and no script. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The headers of every answer, including those of static files. */
export const HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // A route may override these: data with a validator may be cached, and the dashboard's forms need the browser to send
  // its origin.
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
};

/** Sets the headers of every answer before it exists, so that it is made with them and not copied. */
export const securityHeaders = createMiddleware<HttpEnv>(async (c, next) => {
  for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
  await next();
});

import { createMiddleware } from 'hono/factory';

import type { HttpEnv } from './context.ts';

/** What a page may load: its own stylesheet and no script. */
const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
];

/** The dashboard's pages also run its one script, a file. Nothing may make HTML or script of a text. */
export const DASHBOARD_POLICY = [
  ...POLICY,
  "script-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The headers of every answer, including those of static files. */
export const HEADERS = {
  'Content-Security-Policy': POLICY.join('; '),
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

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
export const HEADERS: Record<string, string> = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/** What a route may say otherwise: one whose data has a version may be kept, and the dashboard's forms need the browser to tell their origin. */
export const DEFAULTS: Record<string, string> = {
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
};

/** Headers of every answer. */
export const securityHeaders = createMiddleware<HttpEnv>(async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
  for (const [name, value] of Object.entries(DEFAULTS)) if (!c.res.headers.has(name)) c.res.headers.set(name, value);
});

import { createMiddleware } from 'hono/factory';

import type { HttpEnv } from './context.ts';
import { answerProblem } from './problem.ts';
import { REQUEST_PROBLEMS } from './request-problems.ts';

export const PLAIN_HTTP = 'http:';

/** What a monitor may ask in the clear: it takes no credential and says nothing about any person. */
const IN_THE_CLEAR = '/healthz';

/**
 * Refuses plain HTTP, except on a developer's own machine, and in its network unless `PUBLIC_URL` is https, as in every
 * deployment. Never a redirect: the key in the request could already be read, and a client that follows redirects would
 * not notice.
 */
export const requireHttps = createMiddleware<HttpEnv>(async (c, next) => {
  if (!c.req.url.startsWith(PLAIN_HTTP)) return next();
  const { hostname, pathname } = new URL(c.req.url);
  if (isLoopback(hostname) || pathname === IN_THE_CLEAR) return next();
  const { publicUrl } = c.get('deps').settings;
  if (IN_PRIVATE_NETWORK.test(hostname) && publicUrl(c.req.url).startsWith(PLAIN_HTTP)) return next();
  return answerProblem(c, REQUEST_PROBLEMS.httpsRequired);
});

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || LOOPBACK.test(hostname);

const LOOPBACK = /^127(?:\.\d+){3}$/;

/** RFC 1918: how a phone or an emulator reaches `npm run dev -- --host`. */
const IN_PRIVATE_NETWORK = /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d+){2,3}$/;

import { createMiddleware } from 'hono/factory';

import type { HttpEnv } from './context.ts';
import { answerProblem } from './problem.ts';
import { REQUEST_PROBLEMS } from './request-problems.ts';

export const PLAIN_HTTP = 'http:';

/** What a monitor may ask in the clear: it takes no credential and says nothing of anybody. */
const IN_THE_CLEAR = '/healthz';

/**
 * Refuses plain HTTP, except on a developer's own machine and in its network. Never a redirect: the key in the request
 * could already be read, and a client that follows redirects would not notice.
 */
export const requireHttps = createMiddleware<HttpEnv>(async (c, next) => {
  const { protocol, hostname, pathname } = new URL(c.req.url);
  if (protocol !== PLAIN_HTTP || isOwnMachine(hostname) || pathname === IN_THE_CLEAR) return next();
  return answerProblem(c, REQUEST_PROBLEMS.httpsRequired);
});

/**
 * A loopback address, or one of a private network (RFC 1918), by which a phone or an emulator reaches `npm run dev --
 * --host`. Cloudflare routes by name, so no deployment is reached by an address.
 */
const isOwnMachine = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || OWN_ADDRESS.test(hostname);

const OWN_ADDRESS = /^(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d+){2,3}$/;

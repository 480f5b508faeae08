import { createMiddleware } from 'hono/factory';

import type { HttpEnv } from './context.ts';
import { answerProblem } from './problem.ts';
import { REQUEST_PROBLEMS } from './request-problems.ts';

/** What a monitor may ask in the clear: it takes no credential and says nothing of anybody. */
const IN_THE_CLEAR = '/healthz';

/**
 * Refuses what came unencrypted, but on a developer's own machine. Never a redirect: the key in the request has been read by then, and a
 * client that followed would go on without noticing.
 */
export const requireHttps = createMiddleware<HttpEnv>(async (c, next) => {
  const { protocol, hostname, pathname } = new URL(c.req.url);
  if (protocol === 'https:' || isLoopback(hostname) || pathname === IN_THE_CLEAR) return next();
  return answerProblem(c, REQUEST_PROBLEMS.httpsRequired);
});

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);

import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';

import type { HttpEnv } from './context.ts';

/** One line per request, and the id under which an error and its line are found together. */
export const requestLog = createMiddleware<HttpEnv>(async (c, next) => {
  const { deps } = c.env;
  const startedAt = deps.now();
  const requestId = requestIdOf(c.req.raw);
  c.set('requestId', requestId);
  c.header('X-Request-Id', requestId);
  await next();
  const outcome = c.get('problemCode');
  deps.log({
    level: c.res.status >= 500 ? 'error' : 'info',
    event: 'request',
    requestId,
    method: c.req.method,
    route: routePath(c, -1),
    status: c.res.status,
    durationMs: deps.now() - startedAt,
    ...(outcome !== undefined && { outcome }),
  });
});

/** Cloudflare's own id of the request, so that its log and ours say the same; one of ours where there is none. */
export const requestIdOf = ({ headers }: Request): string => headers.get('CF-Ray') ?? crypto.randomUUID();

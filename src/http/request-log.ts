import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';

import type { HttpEnv } from './context.ts';

/** One line per request, and the id under which an error and its line are found together. */
export const requestLog = createMiddleware<HttpEnv>(async (c, next) => {
  const { deps } = c.env;
  const startedAt = deps.now();
  const requestId = c.req.header('CF-Ray') ?? crypto.randomUUID();
  c.set('requestId', requestId);
  await next();
  c.res.headers.set('X-Request-Id', requestId);
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

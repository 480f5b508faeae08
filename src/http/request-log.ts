import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';

import { logAbout, type LogSubject, withLogId } from '../broker/log.ts';
import { sendRecorded } from '../broker/webhooks/deliver.ts';
import { asAppId } from '../domain/app-id.ts';
import { elapsedMs } from '../domain/clock.ts';
import type { LogEntry } from '../domain/log.ts';
import { parseUserId } from '../domain/user-id.ts';
import type { HttpContext, HttpEnv } from './context.ts';

/** Writes one log line per request, and gives the request's id to its answer and to all its log lines. */
export const requestLog = createMiddleware<HttpEnv>(async (c, next) => {
  const requestId = requestIdOf(c.req.raw);
  const deps = withLogId(c.env.deps, requestId);
  c.set('deps', deps);
  const startedAt = deps.now();
  c.set('requestId', requestId);
  c.header('X-Request-Id', requestId);
  await next();
  // The app gets the events of this request while the answer is under way.
  if (deps.db.recorded.size > 0) deps.waitUntil(sendRecorded(deps));
  const outcome = c.get('problemCode');
  const entry: LogEntry = {
    level: c.res.status >= 500 ? 'error' : 'info',
    event: 'request',
    method: c.req.method,
    route: routePath(c, -1),
    status: c.res.status,
    durationMs: elapsedMs(deps.now(), startedAt),
    ...(outcome !== undefined && { outcome }),
  };
  const subject = subjectOf(c);
  return subject === undefined ? deps.log(entry) : logAbout(deps, subject, entry);
});

const APP_ID = /^app_[0-9a-f]{20}$/;

/** The app and user of a request, from its path or the query of a link. Text that is not a valid id is not written. */
const subjectOf = (c: HttpContext): LogSubject | undefined => {
  const appId = c.req.param('app_id') ?? '';
  if (!APP_ID.test(appId)) return undefined;
  const userId = parseUserId(c.req.param('user_id') ?? c.req.query('user_id') ?? '');
  return { appId: asAppId(appId), userId: userId.ok ? userId.value : undefined };
};

/** CF-Ray, so that both logs share an id; random in local development. */
export const requestIdOf = ({ headers }: Request): string => headers.get('CF-Ray') ?? crypto.randomUUID();

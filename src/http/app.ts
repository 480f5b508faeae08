import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { RegExpRouter } from 'hono/router/reg-exp-router';

import { accountsApi } from './api/accounts/routes.ts';
import { managementApi } from './api/apps/routes.ts';
import { changesApi } from './api/changes/routes.ts';
import { connectionsApi } from './api/connections/routes.ts';
import { metricsApi } from './api/metrics/routes.ts';
import { operatorApi } from './api/operator/routes.ts';
import { usersApi } from './api/users/routes.ts';
import { eventsApi, webhooksApi } from './api/webhooks/routes.ts';
import type { HttpContext, HttpEnv } from './context.ts';
import { allowCrossOrigin, USER_TOKEN_PATHS } from './cors.ts';
import { dashboard } from './dashboard/app.tsx';
import { health } from './health.tsx';
import { notify } from './notify.ts';
import { oauth } from './oauth.ts';
import { answerProblem } from './problem.ts';
import { rateLimitFailedAuth } from './rate-limit-failed-auth.ts';
import { requestLog } from './request-log.ts';
import { REQUEST_PROBLEMS } from './request-problems.ts';
import { requireHttps } from './require-https.ts';
import { securityHeaders } from './security-headers.ts';

const MAX_BODY_BYTES = 64 * 1024;

/**
 * The broker's routes. The platform answers `/docs`, `/openapi.json` and `/assets`.
 *
 * The router is Hono's fastest, chosen by name. It throws at paths that it cannot distinguish. Hono's default would
 * silently change to a slower router for all of them.
 */
export const http = new Hono<HttpEnv>({ router: new RegExpRouter() });

http.use(requestLog, securityHeaders, requireHttps, rateLimitFailedAuth);
http.use(
  bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (c) => answerProblem(c, REQUEST_PROBLEMS.bodyTooLarge(MAX_BODY_BYTES)),
  }),
);

for (const path of USER_TOKEN_PATHS) http.use(path, allowCrossOrigin);

http.route('/', oauth);
http.route('/', notify);
http.route('/apps/:app_id/withings', connectionsApi);
http.route('/apps/:app_id/metrics', metricsApi);
http.route('/apps/:app_id/changes', changesApi);
http.route('/apps/:app_id/users', usersApi);
http.route('/apps/:app_id/webhooks', webhooksApi);
http.route('/apps/:app_id/events', eventsApi);
http.route('/operator', operatorApi);
http.route('/', accountsApi);
http.route('/', managementApi);
http.route('/dashboard', dashboard);

http.route('/', health);

http.notFound((c) => {
  const allowed = METHODS.filter((method) => hasHandler(method, c.req.path));
  if (allowed.length === 0) return answerProblem(c, REQUEST_PROBLEMS.nothingHere);
  c.header('Allow', allowed.join(', '));
  return answerProblem(c, REQUEST_PROBLEMS.methodNotAllowed(allowed));
});

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Whether a path has a handler for a method, not counting middleware. */
const hasHandler = (method: string, path: string): boolean =>
  http.router.match(method, path)[0].some(([[, route]]) => route.method === method);

http.onError((error, c) => {
  if (error instanceof HTTPException && error.status < 500) return answerProblem(c, REQUEST_PROBLEMS.invalidBody);
  return answerBug(c, error);
});

/** A bug. Its message may contain anything, so only the kind of error is logged. */
const answerBug = (c: HttpContext, error: Error): Response | Promise<Response> => {
  c.get('deps').log({ level: 'error', event: 'bug', reason: error.name });
  return answerProblem(c, REQUEST_PROBLEMS.internalError);
};

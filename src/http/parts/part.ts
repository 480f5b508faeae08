import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { RegExpRouter } from 'hono/router/reg-exp-router';

import type { HttpContext, HttpEnv } from '../context.ts';
import { allowCrossOrigin, USER_TOKEN_PATHS } from '../cors.ts';
import { answerProblem } from '../problem.ts';
import { rateLimitFailedAuth } from '../rate-limit-failed-auth.ts';
import { requestLog } from '../request-log.ts';
import { MAX_BODY_BYTES, REQUEST_PROBLEMS } from '../request-problems.ts';
import { requireHttps } from '../require-https.ts';
import { securityHeaders } from '../security-headers.ts';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

export type Part = Hono<HttpEnv>;

/**
 * A part of the broker's routes, behind what every request goes through.
 *
 * The router is Hono's fastest, chosen by name. It throws at paths that it cannot distinguish. Hono's default would
 * silently change to a slower router for all of them.
 */
export const createPart = (addRoutes: (part: Part) => void): Part => {
  const part: Part = new Hono<HttpEnv>({ router: new RegExpRouter() });
  part.use(requestLog, securityHeaders, requireHttps, rateLimitFailedAuth);
  part.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) => answerProblem(c, REQUEST_PROBLEMS.bodyTooLarge),
    }),
  );
  for (const path of USER_TOKEN_PATHS) part.use(path, allowCrossOrigin);
  part.use((c, next) => (c.get('deps').settings.isPaused ? answerPaused(c) : next()));
  addRoutes(part);

  part.notFound((c) => {
    const allowed = METHODS.filter((method) => hasHandler(part, method, c.req.path));
    if (allowed.length === 0) return answerProblem(c, REQUEST_PROBLEMS.nothingHere);
    c.header('Allow', allowed.join(', '));
    return answerProblem(c, REQUEST_PROBLEMS.methodNotAllowed(allowed));
  });
  part.onError((error, c) => {
    if (error instanceof HTTPException && error.status < 500) return answerProblem(c, REQUEST_PROBLEMS.invalidBody);
    return answerBug(c, error);
  });
  return part;
};

/** Whether a path has a handler for a method, not counting middleware. */
const hasHandler = (part: Part, method: string, path: string): boolean =>
  part.router.match(method, path)[0].some(([[, route]]) => route.method === method);

/** The database may be an earlier one, so nothing is looked up: neither the key nor the app. */
const answerPaused = async (c: HttpContext): Promise<Response> => answerProblem(c, REQUEST_PROBLEMS.paused);

/** A bug. Its message may contain anything, so only the kind of error is logged. */
const answerBug = (c: HttpContext, error: Error): Response | Promise<Response> => {
  c.get('deps').log({ level: 'error', event: 'bug', reason: error.name });
  return answerProblem(c, REQUEST_PROBLEMS.internalError);
};

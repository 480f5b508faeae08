import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';

import { type AppId, asAppId } from '../../../domain/app-id.ts';
import type { Failure } from '../../../domain/failure.ts';
import type { Result } from '../../../domain/result.ts';
import type { HttpContext, HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { unreadParameter } from '../validate.ts';

/**
 * Who may call a route. Each route names one of these middlewares:
 *
 * - `forUser` (`admit-user.ts`): a phone with a user token for the user in the path, or the app's key, or a manager.
 * - `forBodyData` (`admit-user.ts`): the same callers, for body data that is read in the same round trip.
 * - `forPerson` (`admit-user.ts`): the same callers, also if the app is disabled, and without body data.
 * - `forBackend` (`admit-backend.ts`): the app's key, or a manager. No phone.
 * - `forReader` (`admit-backend.ts`): the app's key, or a manager, who is admitted also if the app is disabled.
 * - `forApp`, `forManager`, `forOperator` (`admit-manager.ts`): developers and the operator.
 */

/** What a route's handlers have at hand after an admission that sets `Name`. */
export type Admitting<Name extends string, Value> = HttpEnv & { Variables: Record<Name, Value> };

/**
 * Admission to a route. The middleware runs before the request is validated, and sets the handler's `name`. A route
 * without one does not compile, because a use case needs that variable.
 */
export const admission = <Name extends string, Value>(
  name: Name,
  admit: (c: Context<HttpEnv>) => Promise<Result<Value, Failure>>,
) =>
  createMiddleware<Admitting<Name, Value>>(async (c, next) => {
    // The admission knows no variable of its route.
    const admitted = await admit(c as unknown as Context<HttpEnv>);
    if (!admitted.ok) return answerFailure(c, admitted.failure);
    const unread = unreadParameter(c);
    if (unread !== undefined) return answerFailure(c, unread);
    c.set(name, admitted.value as Admitting<Name, Value>['Variables'][Name]);
    return next();
  });

/** The app in the path. */
export const appIdOf = (c: HttpContext): AppId => asAppId(c.req.param('app_id') ?? '');

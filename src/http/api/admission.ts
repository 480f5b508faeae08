import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';

import type { Failure } from '../../domain/failure.ts';
import type { Result } from '../../domain/result.ts';
import type { HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import { unreadParameter } from './validate.ts';

/** What a route's handlers have at hand after an admission that sets `Name`. */
export type Admitting<Name extends string, Value> = HttpEnv & { Variables: Record<Name, Value> };

/**
 * Who may come in by a route. It stands first, before anything that the request says is looked at, and gives the handler the variable by
 * which use cases are called: a route without one has nothing to call them with, and does not compile.
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

import { createMiddleware } from 'hono/factory';

import {
  admitBackend,
  admitForPerson,
  admitForUser,
  type AuthorizedBackend,
  type AuthorizedRequest,
  type PersonRequest,
} from '../../broker/access/authenticate.ts';
import type { KeyScope } from '../../domain/app.ts';
import { NO_USER } from '../../domain/user-id.ts';
import type { HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import { appCredential } from './credentials.ts';
import { userId } from './schemas.ts';
import { answerInvalid } from './validate.ts';

/**
 * Admission to an app's routes. Each middleware comes first in its route, before the request is validated, and sets the
 * handler's `user` or `backend`. A route without one does not compile, because a use case needs them.
 */

export type ForUser = HttpEnv & { Variables: { user: AuthorizedRequest } };
type ForPerson = HttpEnv & { Variables: { person: PersonRequest } };
type ForBackend = HttpEnv & { Variables: { backend: AuthorizedBackend } };

/**
 * The app's key with this scope, whoever may manage the app, and, where user tokens are taken, the user that the path names. Sets `user`:
 * that user, with the current connection.
 */
export const forUser = (scope: KeyScope, { userTokens }: { userTokens: boolean } = { userTokens: true }) =>
  createMiddleware<ForUser>(async (c, next) => {
    const named = userId.safeParse(c.req.param('user_id'));
    const admitted = await admitForUser(c.get('deps'), appCredential(c), {
      appId: c.req.param('app_id') ?? '',
      userId: named.data ?? NO_USER,
      scope,
      userTokens,
    });
    if (!admitted.ok) return answerFailure(c, admitted.failure);
    if (!named.success) return answerInvalid(c, named.error, 'user_id');
    c.set('user', admitted.value);
    return next();
  });

/**
 * As `forUser`, for what a person has a right to also while the app is disabled. Sets `person`: the user without their connection, so that
 * nothing can flow.
 */
export const forPerson = (scope: KeyScope, { userTokens }: { userTokens: boolean }) =>
  createMiddleware<ForPerson>(async (c, next) => {
    const named = userId.safeParse(c.req.param('user_id'));
    const admitted = await admitForPerson(c.get('deps'), appCredential(c), {
      appId: c.req.param('app_id') ?? '',
      userId: named.data ?? NO_USER,
      scope,
      userTokens,
    });
    if (!admitted.ok) return answerFailure(c, admitted.failure);
    if (!named.success) return answerInvalid(c, named.error, 'user_id');
    c.set('person', admitted.value);
    return next();
  });

/** The app's key with this scope, or whoever may manage the app. Sets `backend`. */
export const forBackend = (scope: KeyScope) =>
  createMiddleware<ForBackend>(async (c, next) => {
    const admitted = await admitBackend(c.get('deps'), appCredential(c), { appId: c.req.param('app_id') ?? '', scope });
    if (!admitted.ok) return answerFailure(c, admitted.failure);
    c.set('backend', admitted.value);
    return next();
  });

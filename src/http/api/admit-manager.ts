import { createMiddleware } from 'hono/factory';

import { admitAppManager, admitManager, admitOperator, type ManagedApp } from '../../broker/access/admit-manager.ts';
import type { Principal } from '../../domain/account.ts';
import type { HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import { managerCredential } from './credentials.ts';

/**
 * Who may come in by a management route. Each stands first in its route, and is what gives the handler its `manager` or `managed`: a route
 * without one has nothing to call a use case with, and does not compile.
 */

type ForManager = HttpEnv & { Variables: { manager: Principal } };
type ForApp = HttpEnv & { Variables: { managed: ManagedApp } };

/** The operator, or a developer. */
export const forManager = createMiddleware<ForManager>(async (c, next) => {
  const admitted = await admitManager(c.get('deps'), managerCredential(c));
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  c.set('manager', admitted.value);
  return next();
});

/** The operator alone. */
export const forOperator = createMiddleware<ForManager>(async (c, next) => {
  const admitted = await admitOperator(c.get('deps'), managerCredential(c));
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  c.set('manager', admitted.value);
  return next();
});

/** Whoever may manage the app that the path names. */
export const forApp = createMiddleware<ForApp>(async (c, next) => {
  const admitted = await admitAppManager(c.get('deps'), managerCredential(c), c.req.param('app_id') ?? '');
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  c.set('managed', admitted.value);
  return next();
});

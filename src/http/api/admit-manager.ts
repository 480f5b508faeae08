import { createMiddleware } from 'hono/factory';

import { admitAppManager, admitManager, admitOperator, type ManagedApp } from '../../broker/access/admit-manager.ts';
import type { Principal } from '../../domain/account.ts';
import type { HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import { managerCredential } from './credentials.ts';

/**
 * Admission to management routes. Each middleware comes first in its route and sets the handler's `manager` or
 * `managed`. A route without one does not compile, because a use case needs them.
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

/** Admits only the operator. */
export const forOperator = createMiddleware<ForManager>(async (c, next) => {
  const admitted = await admitOperator(c.get('deps'), managerCredential(c));
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  c.set('manager', admitted.value);
  return next();
});

/** Admits a manager of the app in the path. */
export const forApp = createMiddleware<ForApp>(async (c, next) => {
  const admitted = await admitAppManager(c.get('deps'), managerCredential(c), c.req.param('app_id') ?? '');
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  c.set('managed', admitted.value);
  return next();
});

import { createMiddleware } from 'hono/factory';

import { manageApp } from '../../broker/access/admit-manager.ts';
import type { DashboardEnv } from './context.ts';
import { answerFailure } from './failure.tsx';

/** Finds the app that the path names. Somebody else's is answered as one that does not exist. */
export const requireApp = createMiddleware<DashboardEnv>(async (c, next) => {
  const managed = await manageApp(c.get('deps'), c.get('manager'), c.req.param('app_id') ?? '');
  if (!managed.ok) return answerFailure(c, managed.failure);
  c.set('managed', managed.value);
  c.set('app', managed.value.app);
  return next();
});

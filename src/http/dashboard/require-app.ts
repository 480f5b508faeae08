import { createMiddleware } from 'hono/factory';

import { manageApp } from '../../broker/access/admit-manager.ts';
import { asAppId } from '../../domain/app-id.ts';
import type { DashboardEnv } from './context.ts';
import { answerFailure } from './failure.tsx';

/** Finds the app in the path. The answer for another developer's app is that of a missing one. */
export const requireApp = createMiddleware<DashboardEnv>(async (c, next) => {
  const managed = await manageApp(c.get('deps'), c.get('manager'), asAppId(c.req.param('app_id') ?? ''));
  if (!managed.ok) return answerFailure(c, managed.failure);
  c.set('managed', managed.value);
  c.set('app', managed.value.app);
  return next();
});

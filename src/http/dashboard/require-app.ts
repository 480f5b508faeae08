import { createMiddleware } from 'hono/factory';

import { showApp } from '../../broker/manage-apps.ts';
import type { DashboardEnv } from './context.ts';
import { answerFailure } from './failure.tsx';

/** Finds the app that the path names. Somebody else's is answered as one that does not exist. */
export const requireApp = createMiddleware<DashboardEnv>(async (c, next) => {
  const app = await showApp(c.env.deps, c.req.param('app_id') ?? '');
  if (!app.ok) return answerFailure(c, app.failure);
  c.set('app', app.value);
  return next();
});

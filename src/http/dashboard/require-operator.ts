import { createMiddleware } from 'hono/factory';

import type { DashboardEnv } from './context.ts';
import { answerFailure } from './failure.tsx';

/** Admits only the operator: for anyone else the page does not exist. */
export const requireOperator = createMiddleware<DashboardEnv>(async (c, next) =>
  c.get('session').account === undefined ? next() : answerFailure(c, { kind: 'not_found', what: 'page' }),
);

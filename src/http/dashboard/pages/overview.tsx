import { Hono } from 'hono';

import { appPage } from '../components/app-frame.tsx';
import type { DashboardEnv } from '../context.ts';

/** An app's Overview tab. */
export const overviewPages = new Hono<DashboardEnv>();

overviewPages.get('/', (c) => appPage(c, { tab: 'overview' }, <p>Nothing here yet.</p>));

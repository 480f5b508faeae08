import { Hono } from 'hono';

import { DASHBOARD_POLICY } from '../security-headers.ts';
import type { DashboardEnv } from './context.ts';
import { refuseForeignForms } from './csrf.ts';
import { answerFailure } from './failure.tsx';
import { redirectFormUrls } from './form-redirects.ts';
import { accountPages } from './pages/account.tsx';
import { appPages } from './pages/apps.tsx';
import { appAuditPages, auditPages } from './pages/audit.tsx';
import { brokerPages } from './pages/broker.tsx';
import { developerPages } from './pages/developer.tsx';
import { developersPages } from './pages/developers.tsx';
import { healthPages } from './pages/health.tsx';
import { keysPages } from './pages/keys.tsx';
import { overviewPages } from './pages/overview.tsx';
import { signInPages } from './pages/sign-in.tsx';
import { signOutPages } from './pages/sign-out.tsx';
import { userPages } from './pages/user.tsx';
import { usersPages } from './pages/users.tsx';
import { webhookPages } from './pages/webhook.tsx';
import { webhooksPages } from './pages/webhooks.tsx';
import { requireApp } from './require-app.ts';
import { requireOperator } from './require-operator.ts';
import { requireSession } from './require-session.ts';

/** The dashboard's pages and forms. They work without scripts and call the same use cases as the API. */
export const dashboard = new Hono<DashboardEnv>();

dashboard.use(async (c, next) => {
  // With `no-referrer` browsers send `Origin: null` with the dashboard's own forms. `same-origin` tells other sites as
  // little.
  c.header('Referrer-Policy', 'same-origin');
  c.header('Content-Security-Policy', DASHBOARD_POLICY);
  return next();
});
dashboard.use(refuseForeignForms);
dashboard.route('/sign-in', signInPages);

dashboard.use(requireSession);
dashboard.get('/', (c) => c.redirect('/dashboard/apps', 303));
dashboard.route('/', signOutPages);
dashboard.route('/apps', appPages);
dashboard.route('/account', accountPages);
dashboard.route('/audit', auditPages);

for (const path of ['/broker', '/developers', '/developers/*']) dashboard.use(path, requireOperator);
dashboard.route('/broker', brokerPages);
dashboard.route('/developers', developersPages);
dashboard.route('/developers/:account_id', developerPages);

dashboard.use('/apps/:app_id', requireApp);
dashboard.use('/apps/:app_id/*', requireApp);
dashboard.route('/apps/:app_id', overviewPages);
dashboard.route('/apps/:app_id/health', healthPages);
dashboard.route('/apps/:app_id/users', usersPages);
dashboard.route('/apps/:app_id/users/:user_id', userPages);
dashboard.route('/apps/:app_id/keys', keysPages);
dashboard.route('/apps/:app_id/webhooks', webhooksPages);
dashboard.route('/apps/:app_id/webhooks/:webhook_id', webhookPages);
dashboard.route('/apps/:app_id/audit', appAuditPages);

redirectFormUrls(dashboard);

// What no page above has answered: an error page in the dashboard's frame, with a way on.
dashboard.use((c, next) =>
  c.req.method === 'GET' ? Promise.resolve(answerFailure(c, { kind: 'not_found', what: 'page' })) : next(),
);

import { createMiddleware } from 'hono/factory';

import { managerOf, resumeSession } from '../../broker/access/dashboard-session.ts';
import { formTokenOf } from '../../broker/access/form-token.ts';
import { callerAddress } from '../caller-address.ts';
import { withDoctype } from '../document.ts';
import type { DashboardEnv } from './context.ts';
import { answerFailure } from './failure.tsx';
import { redirectWithNotice } from './flash.ts';
import { sameSiteReloadPage } from './pages/same-site-reload.tsx';
import { signInPathTo } from './return-path.ts';
import { clearSessionCookie, sessionCookie } from './session.ts';

/** Admits a signed-in browser; redirects any other to the sign-in page, which leads back here. */
export const requireSession = createMiddleware<DashboardEnv>(async (c, next) => {
  const cookie = sessionCookie(c);
  const resumed = await resumeSession(c.get('deps'), cookie, callerAddress(c));
  if (!resumed.ok) return answerFailure(c, resumed.failure);
  if (resumed.value === undefined || cookie === undefined) {
    // A request from another site's link lacks the cookie. A reload from the dashboard has it.
    if (c.req.method === 'GET' && cookie === undefined && c.req.header('Sec-Fetch-Site') === 'cross-site') {
      return c.html(withDoctype(sameSiteReloadPage(c.req.path)), 200, { Refresh: '0' });
    }
    const { pathname, search } = new URL(c.req.url);
    const path = signInPathTo(`${pathname}${search}`);
    if (cookie === undefined) return c.redirect(path, 303);
    clearSessionCookie(c);
    return redirectWithNotice(c, path, 'session_ended');
  }
  c.set('session', resumed.value);
  c.set('manager', managerOf(resumed.value));
  c.set('formToken', await formTokenOf(cookie));
  return next();
});

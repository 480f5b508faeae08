import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';

import { managerOf, resumeSession } from '../../broker/access/dashboard-session.ts';
import { formTokenOf } from '../../broker/access/form-token.ts';
import type { Secret } from '../../domain/secret.ts';
import { callerAddress } from '../caller-address.ts';
import { withDoctype } from '../document.ts';
import type { DashboardEnv } from './context.ts';
import { answerFailure } from './failure.tsx';
import { sameSiteReloadPage } from './pages/same-site-reload.tsx';

/**
 * The dashboard's two cookies. With the prefix `__Host-` only this host can set them, over https. Browsers count
 * `http://localhost` and `http://127.0.0.1` as secure, so development needs no other name. With `Strict` no link or
 * form of another site sends them.
 */
const SESSION_COOKIE = 'mushu_session';
/** Identifies a browser that is not signed in, so that the sign-in form is bound to it. It never becomes a session. */
const VISITOR_COOKIE = 'mushu_visitor';

const ATTRIBUTES = { prefix: 'host', httpOnly: true, sameSite: 'Strict' } as const;

export const sessionCookie = (c: Context): string | undefined => getCookie(c, SESSION_COOKIE, 'host');

/** Sets a new session's cookie and deletes the visitor's. */
export const setSessionCookie = (c: Context, cookie: Secret, maxAgeSeconds: number): void => {
  setCookie(c, SESSION_COOKIE, cookie.reveal(), { ...ATTRIBUTES, maxAge: maxAgeSeconds });
  deleteCookie(c, VISITOR_COOKIE, ATTRIBUTES);
};

/** Deletes the session's cookie. */
export const clearSessionCookie = (c: Context): void => {
  deleteCookie(c, SESSION_COOKIE, ATTRIBUTES);
};

export const visitorCookie = (c: Context): string | undefined => getCookie(c, VISITOR_COOKIE, 'host');

/** Sets the visitor's cookie. */
export const setVisitorCookie = (c: Context, cookie: string): void => {
  setCookie(c, VISITOR_COOKIE, cookie, ATTRIBUTES);
};

export const SIGN_IN_PATH = '/dashboard/sign-in';

/** Admits a signed-in browser; redirects any other to the sign-in page. */
export const requireSession = createMiddleware<DashboardEnv>(async (c, next) => {
  const cookie = sessionCookie(c);
  const resumed = await resumeSession(c.get('deps'), cookie, callerAddress(c));
  if (!resumed.ok) return answerFailure(c, resumed.failure);
  if (resumed.value === undefined || cookie === undefined) {
    // A request from another site's link lacks the cookie. A reload from the dashboard has it.
    if (c.req.method === 'GET' && cookie === undefined && c.req.header('Sec-Fetch-Site') === 'cross-site') {
      return c.html(withDoctype(sameSiteReloadPage(c.req.path)), 200, { Refresh: '0' });
    }
    if (cookie !== undefined) clearSessionCookie(c);
    return c.redirect(cookie === undefined ? SIGN_IN_PATH : `${SIGN_IN_PATH}?notice=session_ended`, 303);
  }
  c.set('session', resumed.value);
  c.set('manager', managerOf(resumed.value));
  c.set('formToken', await formTokenOf(cookie));
  return next();
});

import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';

import type { Secret } from '../../domain/secret.ts';

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

/** Sets a cookie for the next page. */
export const setBriefCookie = (c: Context, name: string, value: string, maxAgeSeconds: number): void => {
  setCookie(c, name, value, { ...ATTRIBUTES, maxAge: maxAgeSeconds });
};

export const cookieOf = (c: Context, name: string): string | undefined => getCookie(c, name, 'host');

export const clearCookie = (c: Context, name: string): void => {
  deleteCookie(c, name, ATTRIBUTES);
};

export const SIGN_IN_PATH = '/dashboard/sign-in';

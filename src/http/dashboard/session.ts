import type { Context } from 'hono';

import type { Secret } from '../../domain/secret.ts';
import { deleteHostCookie, getHostCookie, setHostCookie } from '../cookies.ts';

/** The dashboard's two cookies. With `Strict` no link or form of another site sends them. */
const SESSION_COOKIE = 'mushu_session';
/** Identifies a browser that is not signed in, so that the sign-in form is bound to it. It never becomes a session. */
const VISITOR_COOKIE = 'mushu_visitor';

const ATTRIBUTES = { sameSite: 'Strict' } as const;

export const sessionCookie = (c: Context): string | undefined => getHostCookie(c, SESSION_COOKIE);

/** Sets a new session's cookie and deletes the visitor's. */
export const setSessionCookie = (c: Context, cookie: Secret, maxAgeSeconds: number): void => {
  setHostCookie(c, SESSION_COOKIE, cookie.reveal(), { ...ATTRIBUTES, maxAge: maxAgeSeconds });
  deleteHostCookie(c, VISITOR_COOKIE, ATTRIBUTES);
};

/** Deletes the session's cookie. */
export const clearSessionCookie = (c: Context): void => {
  deleteHostCookie(c, SESSION_COOKIE, ATTRIBUTES);
};

export const visitorCookie = (c: Context): string | undefined => getHostCookie(c, VISITOR_COOKIE);

/** Sets the visitor's cookie. */
export const setVisitorCookie = (c: Context, cookie: string): void => {
  setHostCookie(c, VISITOR_COOKIE, cookie, ATTRIBUTES);
};

/** Sets a cookie for the next page. */
export const setBriefCookie = (c: Context, name: string, value: string, maxAgeSeconds: number): void => {
  setHostCookie(c, name, value, { ...ATTRIBUTES, maxAge: maxAgeSeconds });
};

export const cookieOf = (c: Context, name: string): string | undefined => getHostCookie(c, name);

export const clearCookie = (c: Context, name: string): void => {
  deleteHostCookie(c, name, ATTRIBUTES);
};

export const SIGN_IN_PATH = '/dashboard/sign-in';

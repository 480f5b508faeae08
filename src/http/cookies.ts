import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { CookieOptions } from 'hono/utils/cookie';

import { PLAIN_HTTP } from './require-https.ts';

/**
 * The broker's cookies. Over https they have the prefix `__Host-` and `Secure`, so that only this host can set them
 * (RFC 6265bis, 4.1.3.2). Over http, which only works on a developer's own machine, they have neither: WebKit drops
 * such cookies there, also on `localhost`.
 */
const isPlain = (c: Pick<Context, 'req'>): boolean => new URL(c.req.url).protocol === PLAIN_HTTP;

type Attributes = { sameSite: 'Strict' | 'Lax'; maxAge?: number };

const optionsOf = (c: Pick<Context, 'req'>, attributes: Attributes): CookieOptions => ({
  ...attributes,
  httpOnly: true,
  ...(isPlain(c) ? { path: '/' } : { prefix: 'host' }),
});

export const getHostCookie = (c: Context, name: string): string | undefined =>
  isPlain(c) ? getCookie(c, name) : getCookie(c, name, 'host');

export const setHostCookie = (c: Context, name: string, value: string, attributes: Attributes): void => {
  setCookie(c, name, value, optionsOf(c, attributes));
};

export const deleteHostCookie = (c: Context, name: string, attributes: Attributes): void => {
  deleteCookie(c, name, optionsOf(c, attributes));
};

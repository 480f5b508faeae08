import { openShown, sealShown, SHOWN_SECONDS, type ShownSecret } from '../../broker/access/shown-once.ts';
import type { DashboardContext } from './context.ts';
import { type Notice, noticeOf } from './notice.ts';
import { clearCookie, cookieOf, sessionCookie, setBriefCookie } from './session.ts';

/**
 * What a form passes to the page after it (POST, redirect, GET): a notice, or a new secret. Both are in cookies for one
 * page, so that no URL has them, and a reload neither repeats the form nor shows them again.
 */
const NOTICE_COOKIE = 'mushu_notice';
const SHOWN_COOKIE = 'mushu_shown';

/** Redirects to a page that shows a notice. */
export const redirectWithNotice = (c: DashboardContext, path: string, notice: Notice): Response => {
  setBriefCookie(c, NOTICE_COOKIE, notice, SHOWN_SECONDS);
  return c.redirect(path, 303);
};

/** The notice for this page, if there is one. */
export const takeNotice = (c: DashboardContext): string | undefined => {
  const word = cookieOf(c, NOTICE_COOKIE);
  if (word !== undefined) clearCookie(c, NOTICE_COOKIE);
  return noticeOf(word);
};

/** Redirects to a page that shows a new secret once. */
export const redirectShowing = async (c: DashboardContext, path: string, shown: ShownSecret): Promise<Response> => {
  const place = { session: sessionCookie(c) ?? '', path };
  setBriefCookie(c, SHOWN_COOKIE, await sealShown(c.get('deps'), place, shown), SHOWN_SECONDS);
  return c.redirect(path, 303);
};

/** The new secret for this page, if there is one. */
export const takeShown = async (c: DashboardContext): Promise<ShownSecret | undefined> => {
  const sealed = cookieOf(c, SHOWN_COOKIE);
  if (sealed === undefined) return undefined;
  // Hono's `path` is decoded, and the secret is sealed to the path as it was redirected to.
  const place = { session: sessionCookie(c) ?? '', path: new URL(c.req.url).pathname };
  const shown = await openShown(c.get('deps'), place, sealed);
  if (shown !== undefined) clearCookie(c, SHOWN_COOKIE);
  return shown;
};

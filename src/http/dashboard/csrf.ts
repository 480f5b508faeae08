import { createMiddleware } from 'hono/factory';

import { isFormTokenOf } from '../../broker/access/form-token.ts';
import { publicUrl } from '../public-url.ts';
import type { DashboardContext, DashboardEnv } from './context.ts';
import { answerProblem } from './failure.tsx';
import { FORM_TOKEN_FIELD, readForm } from './form.ts';
import { sessionCookie, visitorCookie } from './session.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD']);
const FORM_TYPE = 'application/x-www-form-urlencoded';

/**
 * Refuses a request that could change something unless the dashboard's own form sent it. Defense in depth: `Origin` and
 * `Sec-Fetch-Site`, the content type and a per-browser token must all match. (OWASP, Cross-Site Request Forgery
 * Prevention: origin check, Fetch Metadata, synchronizer token.)
 */
export const refuseForeignForms = createMiddleware<DashboardEnv>(async (c, next) => {
  if (SAFE_METHODS.has(c.req.method)) return next();
  if (isSameOrigin(c) && isForm(c) && (sessionCookie(c) ?? visitorCookie(c)) === undefined) {
    return answerProblem(c, {
      status: 403,
      code: 'cookie_refused',
      title: 'No cookie came back',
      detail:
        'The browser did not keep the cookie of this page, so the form cannot be told from one of another site. Allow cookies for this address, reload the page and try again.',
    });
  }
  if (!isSameOrigin(c) || !isForm(c) || !(await hasOwnToken(c))) {
    return answerProblem(c, {
      status: 403,
      code: 'foreign_form',
      title: 'This form is not from the dashboard',
      detail:
        'It was not sent by a page of this dashboard, or the page is out of date. Go back, reload the page and try again.',
    });
  }
  return next();
});

/** A missing or `null` origin never matches. */
const isSameOrigin = (c: DashboardContext): boolean => {
  const site = c.req.header('Sec-Fetch-Site');
  return c.req.header('Origin') === publicUrl(c) && (site === undefined || site === 'same-origin' || site === 'none');
};

const isForm = (c: DashboardContext): boolean =>
  (c.req.header('Content-Type') ?? '').split(';')[0]?.trim().toLowerCase() === FORM_TYPE;

const hasOwnToken = async (c: DashboardContext): Promise<boolean> => {
  const cookie = sessionCookie(c) ?? visitorCookie(c);
  const presented = (await readForm(c)).get(FORM_TOKEN_FIELD);
  return cookie !== undefined && presented !== null && isFormTokenOf(cookie, presented);
};

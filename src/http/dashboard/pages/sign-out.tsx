import { Hono } from 'hono';

import { signOut, signOutEverywhere } from '../../../broker/access/dashboard-session.ts';
import type { DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { redirectWithNotice } from '../flash.ts';
import { clearSessionCookie, sessionCookie, SIGN_IN_PATH } from '../session.ts';

/** Ends this session, or all sessions of the account. */
export const signOutPages = new Hono<DashboardEnv>();

signOutPages.post('/sign-out', async (c) => {
  const done = await signOut(c.get('deps'), sessionCookie(c) ?? '');
  if (!done.ok) return answerFailure(c, done.failure);
  clearSessionCookie(c);
  return redirectWithNotice(c, SIGN_IN_PATH, 'signed_out');
});

signOutPages.post('/sign-out-everywhere', async (c) => {
  const done = await signOutEverywhere(c.get('deps'), c.get('session'));
  if (!done.ok) return answerFailure(c, done.failure);
  clearSessionCookie(c);
  return redirectWithNotice(c, SIGN_IN_PATH, 'signed_out_everywhere');
});

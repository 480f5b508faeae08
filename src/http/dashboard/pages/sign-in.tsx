import { Hono } from 'hono';

import { signIn } from '../../../broker/access/dashboard-session.ts';
import { formTokenOf, newVisitor } from '../../../broker/access/form-token.ts';
import { secret } from '../../../domain/secret.ts';
import { SECOND_MS } from '../../../domain/time.ts';
import { callerAddress } from '../../caller-address.ts';
import { problemOf } from '../../problem-text.ts';
import { Field, Form } from '../components/form.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { readForm } from '../form.ts';
import { publicPage } from '../layout.tsx';
import { noticeOf } from '../notice.ts';
import { setSessionCookie, setVisitorCookie, SIGN_IN_PATH, visitorCookie } from '../session.ts';

export const signInPages = new Hono<DashboardEnv>();

signInPages.get('/', (c) => signInPage(c, undefined));

signInPages.post('/', async (c) => {
  const token = secret(((await readForm(c)).get('token') ?? '').trim());
  const signedIn = await signIn(c.get('deps'), token, callerAddress(c));
  if (!signedIn.ok) return signInPage(c, problemOf(signedIn.failure).detail);
  const { cookie, expiresAt } = signedIn.value;
  setSessionCookie(c, cookie, Math.floor((expiresAt - c.get('deps').now()) / SECOND_MS));
  return c.redirect('/dashboard/apps', 303);
});

const signInPage = async (c: DashboardContext, error: string | undefined): Promise<Response> => {
  const visitor = visitorCookie(c) ?? newVisitor(c.get('deps'));
  setVisitorCookie(c, visitor);
  const notice = noticeOf(c.req.query('notice'));
  return publicPage(
    c,
    { title: 'Sign in', status: error === undefined ? 200 : 401 },
    <div class="card">
      <p class="brand">
        <span class="mark" aria-hidden="true" />
        Mushu Health
      </p>
      <h1>Sign in</h1>
      {notice && (
        <p class="notice" role="status">
          {notice}
        </p>
      )}
      <Form action={SIGN_IN_PATH} token={await formTokenOf(visitor)}>
        <Field
          name="token"
          label="Access token"
          type="password"
          hint={
            <>
              Developers use an access token of their account (<code>mushu_access_…</code>); the operator uses the token
              that the broker was deployed with (<code>mushu_operator_…</code>).
            </>
          }
          error={error}
          autocomplete="off"
          spellcheck={false}
          maxlength={200}
          required
        />
        <button type="submit">Sign in</button>
      </Form>
      <p class="hint">
        The token is used once, here. A session ends after 30 minutes without a request, and after 12 hours at most.
      </p>
    </div>,
  );
};

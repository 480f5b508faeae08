import { Hono } from 'hono';

import { signIn } from '../../../broker/access/dashboard-session.ts';
import { formTokenOf, newVisitor } from '../../../broker/access/form-token.ts';
import { secret } from '../../../domain/secret.ts';
import { SECOND_MS } from '../../../domain/time.ts';
import { callerAddress } from '../../caller-address.ts';
import { problemOf } from '../../problem-text.ts';
import { publicUrl } from '../../public-url.ts';
import { Field, Form } from '../components/form.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { takeNotice } from '../flash.ts';
import { readForm } from '../form.ts';
import { publicPage } from '../layout.tsx';
import { returnPathOf } from '../return-path.ts';
import { setSessionCookie, setVisitorCookie, SIGN_IN_PATH, visitorCookie } from '../session.ts';

export const signInPages = new Hono<DashboardEnv>();

signInPages.get('/', (c) => signInPage(c, returnPathOf(c.req.query('to'))));

signInPages.post('/', async (c) => {
  const form = await readForm(c);
  const token = secret((form.get('token') ?? '').trim());
  const to = returnPathOf(form.get('to') ?? undefined);
  const signedIn = await signIn(c.get('deps'), token, callerAddress(c));
  if (!signedIn.ok) return signInPage(c, to, problemOf(signedIn.failure, publicUrl(c)).detail);
  const { cookie, expiresAt } = signedIn.value;
  setSessionCookie(c, cookie, Math.floor((expiresAt - c.get('deps').now()) / SECOND_MS));
  return c.redirect(to, 303);
});

const signInPage = async (c: DashboardContext, to: string, error?: string): Promise<Response> => {
  const visitor = visitorCookie(c) ?? newVisitor(c.get('deps'));
  setVisitorCookie(c, visitor);
  const notice = takeNotice(c);
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
      <Form action={SIGN_IN_PATH} token={await formTokenOf(visitor)} fields={{ to }}>
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
        The operator’s token is printed by <code>npm run dev</code>; for a deployed broker <code>npm run deploy</code>{' '}
        created it. It may manage every app and account. A developer’s first token comes from the operator, further ones
        from the Account page or <code>mushu tokens create</code>; it may manage the developer’s own apps. The token
        only signs you in, and you can use it again. A session ends after 30 minutes without a request, and after 12
        hours at most.
      </p>
    </div>,
  );
};

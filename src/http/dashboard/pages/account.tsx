import { Hono } from 'hono';

import { listAccessTokens } from '../../../broker/apps/manage-accounts.ts';
import { createTokenFromForm, revokeNamedToken } from '../access-token-forms.ts';
import { AccessTokens } from '../components/access-tokens.tsx';
import { Confirm } from '../components/confirm.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import { Ago } from '../components/time.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { credentialPlace } from '../credential-place.ts';
import { answerFailure } from '../failure.tsx';
import { redirectShowing, redirectWithNotice, takeShown } from '../flash.ts';
import type { RefusedForm } from '../form.ts';
import { page } from '../layout.tsx';

/** The session's account, token and expiry, and a developer's own tokens. */
export const accountPages = new Hono<DashboardEnv>();

const PATH = '/dashboard/account';

accountPages.get('/', (c) => accountPage(c));

accountPages.post('/tokens', async (c) => {
  const made = await createTokenFromForm(c, ownId(c));
  if (!made.ok) return answerFailure(c, made.failure);
  if ('refused' in made.value) return accountPage(c, made.value.refused);
  return redirectShowing(c, PATH, { kind: 'access_token', secret: made.value.token });
});

accountPages.post('/tokens/:token_id/revoke', async (c) => {
  const revoked = await revokeNamedToken(c, ownId(c));
  return revoked.ok ? redirectWithNotice(c, PATH, 'token_revoked') : answerFailure(c, revoked.failure);
});

/** The operator has no account. No account has the empty id, so the operator finds none here. */
const ownId = (c: DashboardContext): string => c.get('session').account?.id ?? '';

const accountPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const { account } = c.get('session');
  const tokens = account && (await listAccessTokens(c.get('deps'), account.id, credentialPlace(c)));
  if (tokens?.ok === false) return answerFailure(c, tokens.failure);
  const shown = await takeShown(c);
  return page(
    c,
    { title: 'Account', section: 'account', status: refused === undefined ? 200 : 422 },
    <>
      {shown && <ShownOnce {...shown} />}
      <h1>{account?.name ?? 'Operator'}</h1>
      <SignedIn c={c} />
      {tokens && (
        <AccessTokens
          tokens={tokens.value}
          path={`${PATH}/tokens`}
          formToken={c.get('formToken')}
          refused={refused}
          now={c.get('deps').now()}
        />
      )}
    </>,
  );
};

const SignedIn = ({ c }: { c: DashboardContext }) => {
  const { account, expiresAt } = c.get('session');
  return (
    <section aria-labelledby="session">
      <h2 id="session">Session</h2>
      <dl class="facts card">
        <dt>Signed in as</dt>
        <dd>
          {account === undefined ? (
            'the operator, who may manage every app and every account'
          ) : (
            <>
              <code>{account.id}</code>, which manages its own apps
            </>
          )}
        </dd>
        <dt>Ends</dt>
        <dd>
          <Ago at={expiresAt} now={c.get('deps').now()} />, or after 30 minutes without a request
        </dd>
      </dl>
      <div class="actions">
        <Confirm
          id="everywhere"
          ask="Sign out everywhere"
          title="Sign out everywhere?"
          action="Sign out everywhere"
          path="/dashboard/sign-out-everywhere"
          formToken={c.get('formToken')}
        >
          Every session of {account === undefined ? 'the operator' : 'this account'} ends, on every device, this one
          too. Access tokens keep working.
        </Confirm>
      </div>
    </section>
  );
};

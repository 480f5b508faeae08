import { Hono } from 'hono';

import { listAccessTokens, showAccount, updateAccount } from '../../../broker/apps/manage-accounts.ts';
import { createTokenFromForm, type CreatedToken, revokeNamedToken } from '../access-token-forms.ts';
import { AccessTokens } from '../components/access-tokens.tsx';
import { Badge } from '../components/badge.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Form } from '../components/form.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { credentialPlace } from '../credential-place.ts';
import { answerFailure } from '../failure.tsx';
import { page } from '../layout.tsx';
import { withNotice } from '../notice.ts';

/** One developer account, for the operator: its tokens, and enable or disable. */
export const developerPages = new Hono<DashboardEnv>();

const accountIdOf = (c: DashboardContext): string => c.req.param('account_id') ?? '';
const pathOf = (c: DashboardContext): string => `/dashboard/developers/${encodeURIComponent(accountIdOf(c))}`;

developerPages.get('/', (c) => developerPage(c, { errors: {} }));

developerPages.post('/tokens', async (c) => {
  const made = await createTokenFromForm(c, accountIdOf(c));
  return made.ok ? developerPage(c, made.value) : answerFailure(c, made.failure);
});

developerPages.post('/tokens/:token_id/revoke', async (c) => {
  const revoked = await revokeNamedToken(c, accountIdOf(c));
  return revoked.ok ? c.redirect(withNotice(pathOf(c), 'token_revoked'), 303) : answerFailure(c, revoked.failure);
});

developerPages.post('/disable', (c) => setDisabled(c, true));
developerPages.post('/enable', (c) => setDisabled(c, false));

const setDisabled = async (c: DashboardContext, disabled: boolean): Promise<Response> => {
  const changed = await updateAccount(c.get('deps'), c.get('manager'), accountIdOf(c), { disabled });
  return changed.ok ? c.redirect(withNotice(pathOf(c), 'account_changed'), 303) : answerFailure(c, changed.failure);
};

const developerPage = async (c: DashboardContext, made: CreatedToken): Promise<Response> => {
  const account = await showAccount(c.get('deps'), accountIdOf(c));
  if (!account.ok) return answerFailure(c, account.failure);
  const tokens = await listAccessTokens(c.get('deps'), account.value.id, credentialPlace(c));
  if (!tokens.ok) return answerFailure(c, tokens.failure);
  const errors = 'errors' in made ? made.errors : {};
  const isDisabled = account.value.disabledAt !== undefined;
  return page(
    c,
    { title: account.value.name, section: 'developers', status: 'token' in made ? 201 : errors['name'] ? 422 : 200 },
    <>
      <p class="crumb">
        <a href="/dashboard/developers">Developers</a>
      </p>
      <div class="title">
        <h1>{account.value.name}</h1>
        {isDisabled && <Badge tone="bad">Disabled</Badge>}
        <code>{account.value.id}</code>
      </div>
      {'token' in made && <ShownOnce title="The new access token" secret={made.token} />}
      <AccessTokens
        tokens={tokens.value}
        path={`${pathOf(c)}/tokens`}
        formToken={c.get('formToken')}
        errors={errors}
        now={c.get('deps').now()}
      />
      <section aria-labelledby="access">
        <h2 id="access">Access</h2>
        <p class="lead">
          A disabled account’s tokens and sessions are refused at once. Its apps keep serving their users.
        </p>
        <div class="actions">
          {isDisabled ? (
            <Form action={`${pathOf(c)}/enable`} token={c.get('formToken')}>
              <button type="submit">Enable account</button>
            </Form>
          ) : (
            <Disable c={c} name={account.value.name} />
          )}
        </div>
      </section>
    </>,
  );
};

const Disable = ({ c, name }: { c: DashboardContext; name: string }) => (
  <Confirm
    id="disable"
    ask="Disable account"
    title={`Disable ${name}?`}
    action="Disable account"
    path={`${pathOf(c)}/disable`}
    formToken={c.get('formToken')}
  >
    Its tokens are refused from the next request on, and its dashboard sessions end. Its apps keep serving their users,
    and it can be enabled again.
  </Confirm>
);

import { Hono } from 'hono';

import { listAccessTokens, showAccount, updateAccount } from '../../../broker/apps/manage-accounts.ts';
import { createTokenFromForm, revokeNamedToken } from '../access-token-forms.ts';
import { AccessTokens } from '../components/access-tokens.tsx';
import { Badge } from '../components/badge.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Crumbs } from '../components/crumbs.tsx';
import { Form } from '../components/form.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { credentialPlace } from '../credential-place.ts';
import { answerFailure } from '../failure.tsx';
import { redirectShowing, redirectWithNotice, takeShown } from '../flash.ts';
import type { RefusedForm } from '../form.ts';
import { page } from '../layout.tsx';

/** One developer account, for the operator: its tokens, and enable or disable. */
export const developerPages = new Hono<DashboardEnv>();

const accountIdOf = (c: DashboardContext): string => c.req.param('account_id') ?? '';
const pathOf = (c: DashboardContext): string => `/dashboard/developers/${encodeURIComponent(accountIdOf(c))}`;

developerPages.get('/', (c) => developerPage(c));

developerPages.post('/tokens', async (c) => {
  const made = await createTokenFromForm(c, accountIdOf(c));
  if (!made.ok) return answerFailure(c, made.failure);
  if ('refused' in made.value) return developerPage(c, made.value.refused);
  return redirectShowing(c, pathOf(c), { kind: 'access_token', secret: made.value.token });
});

developerPages.post('/tokens/:token_id/revoke', async (c) => {
  const revoked = await revokeNamedToken(c, accountIdOf(c));
  return revoked.ok ? redirectWithNotice(c, pathOf(c), 'token_revoked') : answerFailure(c, revoked.failure);
});

developerPages.post('/disable', (c) => setDisabled(c, true));
developerPages.post('/enable', (c) => setDisabled(c, false));

const setDisabled = async (c: DashboardContext, disabled: boolean): Promise<Response> => {
  const changed = await updateAccount(c.get('deps'), c.get('manager'), accountIdOf(c), { disabled });
  return changed.ok ? redirectWithNotice(c, pathOf(c), 'account_changed') : answerFailure(c, changed.failure);
};

const developerPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const account = await showAccount(c.get('deps'), accountIdOf(c));
  if (!account.ok) return answerFailure(c, account.failure);
  const tokens = await listAccessTokens(c.get('deps'), account.value.id, credentialPlace(c));
  if (!tokens.ok) return answerFailure(c, tokens.failure);
  const shown = await takeShown(c);
  const isDisabled = account.value.disabledAt !== undefined;
  return page(
    c,
    { title: `${account.value.name} · Developers`, section: 'developers', status: refused === undefined ? 200 : 422 },
    <>
      <Crumbs above={[{ label: 'Developers', path: '/dashboard/developers' }]} />
      <div class="title">
        <h1>{account.value.name}</h1>
        {isDisabled && <Badge tone="bad">Disabled</Badge>}
        <code>{account.value.id}</code>
      </div>
      {shown && <ShownOnce {...shown} />}
      <AccessTokens
        tokens={tokens.value}
        path={`${pathOf(c)}/tokens`}
        formToken={c.get('formToken')}
        refused={refused}
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

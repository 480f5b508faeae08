import { Hono } from 'hono';

import { createApiKey, listApiKeys, revokeKey } from '../../../broker/manage-apps.ts';
import { type ApiKey, KEY_SCOPES, type KeyScope } from '../../../domain/app.ts';
import type { EpochMs } from '../../../domain/time.ts';
import { createKeyRequest } from '../../api/contract.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { Badge } from '../components/badge.tsx';
import { Field, Form, FormToken } from '../components/form.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import { Ago } from '../components/time.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { type FieldErrors, readForm } from '../form.ts';
import { withNotice } from '../notice.ts';

/** An app's API keys: a new one is shown once, in the answer that made it, and never again. */
export const keysPages = new Hono<DashboardEnv>();

keysPages.get('/', (c) => keysPage(c, {}));

keysPages.post('/', async (c) => {
  const form = await readForm(c);
  const wanted = createKeyRequest.safeParse({ name: form.get('name') ?? '', scopes: form.getAll('scopes') });
  if (!wanted.success) return keysPage(c, errorsOf(wanted.error.issues));
  const { name, scopes = [...KEY_SCOPES] } = wanted.data;
  const created = await createApiKey(c.env.deps, c.get('managed'), { name, scopes });
  if (!created.ok) return answerFailure(c, created.failure);
  return keysPage(c, {}, created.value.key);
});

keysPages.post('/:key_id/revoke', async (c) => {
  const app = c.get('app');
  const revoked = await revokeKey(c.env.deps, c.get('managed'), c.req.param('key_id'));
  if (!revoked.ok) return answerFailure(c, revoked.failure);
  return c.redirect(withNotice(`${appPath(app)}/keys`, 'key_revoked'), 303);
});

const errorsOf = (issues: readonly { path: readonly PropertyKey[] }[]): FieldErrors =>
  Object.fromEntries(
    issues.map(({ path: [field] }) =>
      field === 'name' ? ['name', 'Give it a name of 1 to 100 characters.'] : ['scopes', 'Choose at least one.'],
    ),
  );

const keysPage = async (c: DashboardContext, errors: FieldErrors, newKey?: string): Promise<Response> => {
  const listed = await listApiKeys(c.env.deps, c.get('managed'));
  if (!listed.ok) return answerFailure(c, listed.failure);
  const refused = Object.keys(errors).length > 0;
  return appPage(
    c,
    { tab: 'keys', status: newKey !== undefined ? 201 : refused ? 422 : 200 },
    <>
      {newKey !== undefined && <ShownOnce title="Your new key" secret={newKey} />}
      <section aria-labelledby="keys">
        <h2 id="keys">API keys</h2>
        <p class="lead">
          For your backend, never for an app on a phone: that one takes a user token, which opens one user’s data for an
          hour at most.
        </p>
        {listed.value.length === 0 ? (
          <div class="empty">
            <p>
              <strong>No keys yet.</strong> Your backend needs one to sync users and to read their measurements.
            </p>
          </div>
        ) : (
          <KeyTable c={c} keys={listed.value} now={c.env.deps.now()} />
        )}
      </section>
      <CreateKey c={c} errors={errors} />
    </>,
  );
};

const KeyTable = ({ c, keys, now }: { c: DashboardContext; keys: readonly ApiKey[]; now: EpochMs }) => (
  <div class="scroll" role="region" aria-label="Table of keys" tabindex={0}>
    <table>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Ends in</th>
          <th scope="col">May</th>
          <th scope="col">Created</th>
          <th scope="col">Last used</th>
          <th scope="col">
            <span class="hidden">Revoke</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr class={key.revokedAt === undefined ? undefined : 'over'}>
            <th scope="row" id={key.id}>
              {key.name}
            </th>
            <td>
              <code>…{key.hint}</code>
            </td>
            <td>{key.scopes.map((scope) => SCOPES[scope].label).join(', ')}</td>
            <td>
              <Ago at={key.createdAt} now={now} />
            </td>
            <td>
              <Ago at={key.lastUsedAt} now={now} />
            </td>
            <td class="end">
              {key.revokedAt === undefined ? <Revoke c={c} keyId={key.id} /> : <Badge tone="bad">Revoked</Badge>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const Revoke = ({ c, keyId }: { c: DashboardContext; keyId: string }) => (
  <form method="post" action={`${appPath(c.get('app'))}/keys/${keyId}/revoke`}>
    <FormToken token={c.get('formToken')} />
    <button class="quiet danger" type="submit" aria-describedby={keyId}>
      Revoke
    </button>
  </form>
);

const SCOPES: Record<KeyScope, { label: string; explanation: string }> = {
  read: { label: 'read', explanation: 'Read users’ status and measurements.' },
  sync: { label: 'sync', explanation: 'Pull what is new from Withings, and disconnect users.' },
  'manage-links': { label: 'manage links', explanation: 'Make links and user tokens, and confirm links.' },
};

const CreateKey = ({ c, errors }: { c: DashboardContext; errors: FieldErrors }) => (
  <section class="card narrow" aria-labelledby="create-key">
    <h2 id="create-key">Create a key</h2>
    <Form action={`${appPath(c.get('app'))}/keys`} token={c.get('formToken')}>
      <Field
        name="name"
        label="Name"
        hint="Where it will be used, such as “production backend”."
        error={errors['name']}
        maxlength={100}
        autocomplete="off"
        required
      />
      <fieldset class="choices">
        <legend>It may</legend>
        {KEY_SCOPES.map((scope) => (
          <div class="choice">
            <input
              type="checkbox"
              id={`scope-${scope}`}
              name="scopes"
              value={scope}
              checked
              aria-describedby={`scope-${scope}-is`}
            />
            <label for={`scope-${scope}`}>{SCOPES[scope].label}</label>
            <p id={`scope-${scope}-is`}>{SCOPES[scope].explanation}</p>
          </div>
        ))}
        {errors['scopes'] && <p class="error">{errors['scopes']}</p>}
      </fieldset>
      <button type="submit">Create key</button>
    </Form>
  </section>
);

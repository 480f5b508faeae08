import { Hono } from 'hono';
import * as z from 'zod';

import { createApiKey, listApiKeys, revokeKey } from '../../../broker/apps/manage-keys.ts';
import { type ApiKey, KEY_SCOPES, type KeyScope } from '../../../domain/app.ts';
import type { EpochMs } from '../../../domain/time.ts';
import { keyScope } from '../../api/apps/contract.ts';
import { credentialCursor } from '../../api/cursors/credential-cursor.ts';
import { name } from '../../api/schemas.ts';
import { changeApp, versionField } from '../change-app.tsx';
import { appPage, appPath } from '../components/app-frame.tsx';
import { Badge } from '../components/badge.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Checkbox, Form, NameField } from '../components/form.tsx';
import { More } from '../components/more.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { credentialPlace } from '../credential-place.ts';
import { answerBadForm, answerFailure } from '../failure.tsx';
import { redirectShowing, redirectWithNotice, takeShown } from '../flash.ts';
import { checkbox, type FieldErrors, parseForm, readForm, type RefusedForm } from '../form.ts';

/** An app's API keys. A new one is shown once. */
export const keysPages = new Hono<DashboardEnv>();

const keyForm = z.strictObject({ name, scopes: z.array(keyScope).min(1).max(keyScope.options.length) });
const settingsForm = z.strictObject({ refuse_browser_keys: checkbox });

keysPages.get('/', (c) => keysPage(c));

keysPages.post('/', async (c) => {
  const wanted = await parseForm(c, keyForm);
  if (!wanted.ok) return keysPage(c, { errors: errorsOf(wanted.failure), typed: await readForm(c) });
  const created = await createApiKey(c.get('deps'), c.get('managed'), wanted.value);
  if (!created.ok) return answerFailure(c, created.failure);
  return redirectShowing(c, `${appPath(c.get('app'))}/keys`, { kind: 'api_key', secret: created.value.key });
});

keysPages.post('/settings', async (c) => {
  const wanted = await parseForm(c, settingsForm);
  if (!wanted.ok) return answerBadForm(c, wanted.failure);
  return changeApp(
    c,
    { refuseBrowserKeys: wanted.value.refuse_browser_keys === 'true' },
    { tab: 'keys', path: '/keys', notice: 'app_changed' },
  );
});

keysPages.post('/revoke/:key_id', async (c) => {
  const revoked = await revokeKey(c.get('deps'), c.get('managed'), c.req.param('key_id'));
  if (!revoked.ok) return answerFailure(c, revoked.failure);
  return redirectWithNotice(c, `${appPath(c.get('app'))}/keys`, 'key_revoked');
});

const errorsOf = (refused: FieldErrors): FieldErrors => ({
  ...(Object.keys(refused).some((field) => !field.startsWith('scopes')) && {
    name: 'Give it a name of 1 to 100 characters.',
  }),
  ...(Object.keys(refused).some((field) => field.startsWith('scopes')) && { scopes: 'Choose at least one.' }),
});

const keysPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const listed = await listApiKeys(c.get('deps'), c.get('managed'), credentialPlace(c));
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { next } = listed.value;
  const shown = await takeShown(c);
  return appPage(
    c,
    { tab: 'keys', status: refused === undefined ? 200 : 422 },
    <>
      {shown && <ShownOnce {...shown} />}
      <section aria-labelledby="keys">
        <h2 id="keys">API keys</h2>
        <p class="lead">
          For your backend, never for an app on a phone. A phone takes a user token, which opens one user’s data for an
          hour at most.
        </p>
        {listed.value.credentials.length === 0 ? (
          <div class="empty">
            <p>
              <strong>No keys yet.</strong> Your backend needs one to sync users and to read their measurements.
            </p>
          </div>
        ) : (
          <KeyTable c={c} keys={listed.value.credentials} now={c.get('deps').now()} />
        )}
        <More next={next && `${appPath(c.get('app'))}/keys?after=${credentialCursor.encode(next)}`} />
      </section>
      <CreateKey c={c} refused={refused} />
      <KeySettings c={c} version={await versionField(c.get('app'))} />
    </>,
  );
};

const KeyTable = ({ c, keys, now }: { c: DashboardContext; keys: readonly ApiKey[]; now: EpochMs }) => (
  <Table
    label="API keys"
    columns={['Name', 'Ends in', 'May', 'Created', 'Last used', { label: 'Revoke', kind: 'actions' }]}
    rows={keys.map((key) => ({
      isOver: key.revokedAt !== undefined,
      cells: [
        key.name,
        <code>…{key.hint}</code>,
        key.scopes.map((scope) => SCOPES[scope].label).join(', '),
        <Ago at={key.createdAt} now={now} />,
        <Ago at={key.lastUsedAt} now={now} />,
        key.revokedAt === undefined ? <Revoke c={c} apiKey={key} /> : <Badge tone="bad">Revoked</Badge>,
      ],
    }))}
  />
);

const Revoke = ({ c, apiKey: { id, name } }: { c: DashboardContext; apiKey: ApiKey }) => (
  <Confirm
    id={`revoke-${id}`}
    ask="Revoke"
    title={`Revoke the key “${name}”?`}
    action="Revoke key"
    path={`${appPath(c.get('app'))}/keys/revoke/${id}`}
    formToken={c.get('formToken')}
  >
    It is refused from the next request on. This cannot be undone: give its users a new key first.
  </Confirm>
);

const SCOPES: Record<KeyScope, { label: string; explanation: string }> = {
  read: { label: 'read', explanation: 'Read users’ status and measurements.' },
  sync: { label: 'sync', explanation: 'Pull what is new from Withings, and disconnect users.' },
  'manage-links': { label: 'manage links', explanation: 'Create links and user tokens, and confirm links.' },
};

const CreateKey = ({ c, refused }: { c: DashboardContext; refused: RefusedForm | undefined }) => (
  <section class="card narrow" aria-labelledby="create-key">
    <h2 id="create-key">Create a key</h2>
    <Form action={`${appPath(c.get('app'))}/keys`} token={c.get('formToken')}>
      <NameField hint="Where you will use it, such as “production backend”." refused={refused} />
      <fieldset class="choices">
        <legend>It may</legend>
        {KEY_SCOPES.map((scope) => (
          <Checkbox
            name="scopes"
            id={`scope-${scope}`}
            value={scope}
            label={SCOPES[scope].label}
            checked={refused?.typed.getAll('scopes').includes(scope) ?? true}
          >
            {SCOPES[scope].explanation}
          </Checkbox>
        ))}
        {refused?.errors['scopes'] && <p class="error">{refused.errors['scopes']}</p>}
      </fieldset>
      <button type="submit">Create key</button>
    </Form>
  </section>
);

const KeySettings = ({ c, version }: { c: DashboardContext; version: Record<string, string> }) => (
  <section aria-labelledby="key-settings">
    <h2 id="key-settings">Keys in web pages</h2>
    <Form action={`${appPath(c.get('app'))}/keys/settings`} token={c.get('formToken')} fields={version}>
      <Checkbox
        name="refuse_browser_keys"
        label="Refuse keys in requests of web pages"
        checked={c.get('app').refuseBrowserKeys}
      >
        A key in a page’s script reads every user, and every visitor of the page can read the key. Such requests are
        answered with <code>browser_key_refused</code>; user tokens keep working in pages.
      </Checkbox>
      <button class="quiet" type="submit">
        Save
      </button>
    </Form>
  </section>
);

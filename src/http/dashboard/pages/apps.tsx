import { Hono } from 'hono';

import { type AppGlance, glanceAtApps, MAX_GLANCED } from '../../../broker/apps/app-overview.ts';
import { createApp, listApps } from '../../../broker/apps/manage-apps.ts';
import type { App } from '../../../domain/app.ts';
import { Badge } from '../components/badge.tsx';
import { Form, NameField } from '../components/form.tsx';
import { More } from '../components/more.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { redirectWithNotice } from '../flash.ts';
import { nameForm, parseForm, readForm, type RefusedForm } from '../form.ts';
import { page } from '../layout.tsx';

/** The list of apps, and the form to create one. */
export const appPages = new Hono<DashboardEnv>();

const PATH = '/dashboard/apps';

const BAD_NAME = 'Give it a name of 1 to 100 characters.';

appPages.get('/', (c) => appsPage(c));

appPages.post('/', async (c) => {
  const wanted = await parseForm(c, nameForm);
  if (!wanted.ok) return appsPage(c, { errors: { name: BAD_NAME }, typed: await readForm(c) });
  const created = await createApp(c.get('deps'), c.get('manager'), { name: wanted.value.name });
  if (!created.ok) return answerFailure(c, created.failure);
  return redirectWithNotice(c, `${PATH}/${created.value.id}/health`, 'app_created');
});

const appsPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const after = c.req.query('after') ?? '';
  const listed = await listApps(c.get('deps'), c.get('manager'), after);
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { apps, nextAfterId } = listed.value;
  const glances = await glanceAtApps(c.get('deps'), apps);
  if (!glances.ok) return answerFailure(c, glances.failure);
  const isEmpty = apps.length === 0 && after === '';
  return page(
    c,
    { title: 'Apps', section: 'apps', status: refused === undefined ? 200 : 422 },
    <>
      <h1>Apps</h1>
      {isEmpty ? <FirstApp /> : <AppList c={c} apps={apps} glances={glances.value} />}
      <More next={nextAfterId && `${PATH}?after=${encodeURIComponent(nextAfterId)}`} />
      <section class="card narrow" aria-labelledby="create">
        <h2 id="create">{isEmpty ? 'Create your first app' : 'Create an app'}</h2>
        <Form action={PATH} token={c.get('formToken')}>
          <NameField hint="For you and your team; users do not see it." refused={refused} />
          <button type="submit">Create app</button>
        </Form>
      </section>
    </>,
  );
};

const FirstApp = () => (
  <div class="empty">
    <p>
      <strong>No apps yet.</strong> An app is what your users use: it has an id, API keys, and a list of addresses to
      which its users return from Withings.
    </p>
    <ol>
      <li>Create an app below.</li>
      <li>Register its redirect URI on the Health tab.</li>
      <li>Open the “Try it” link there, and allow access.</li>
    </ol>
  </div>
);

type Glances = ReadonlyMap<string, AppGlance>;

const AppList = ({ c, apps, glances }: { c: DashboardContext; apps: readonly App[]; glances: Glances }) => {
  const isOperator = c.get('session').account === undefined;
  return (
    <Table
      label="Apps"
      columns={[
        'Name',
        'Id',
        ...(isOperator ? ['Owner'] : []),
        { label: 'Connected', kind: 'number' },
        'Last sync',
        'State',
      ]}
      rows={apps.map((app) => ({
        cells: [
          <a href={`${PATH}/${app.id}`}>{app.name}</a>,
          <code>{app.id}</code>,
          ...(isOperator ? [app.accountId === undefined ? 'Operator' : <code>{app.accountId}</code>] : []),
          usersOf(glances.get(app.id)),
          <Ago at={glances.get(app.id)?.lastSyncAt} now={c.get('deps').now()} />,
          <State app={app} glance={glances.get(app.id)} />,
        ],
      }))}
    />
  );
};

const usersOf = ({ users = 0 }: Partial<AppGlance> = {}): string =>
  users < MAX_GLANCED ? String(users) : `${users} or more`;

/** Whether all is well, or what is not. */
const State = ({ app, glance }: { app: App; glance: AppGlance | undefined }) => {
  if (app.disabledAt !== undefined) return <Badge tone="bad">Disabled</Badge>;
  const reconnect = glance?.reauthRequired ?? 0;
  const path = `${PATH}/${app.id}`;
  return (
    <>
      {reconnect > 0 && (
        <a href={`${path}/users?state=reauth_required`}>
          {`${reconnect < MAX_GLANCED ? reconnect : `${reconnect} or more`} to reconnect`}
        </a>
      )}
      {glance?.failing === true && <a href={`${path}/users?state=failing`}>Failing syncs</a>}
      {glance?.webhookDisabled === true && <a href={`${path}/webhooks`}>Webhook disabled</a>}
      {reconnect === 0 && glance?.failing !== true && glance?.webhookDisabled !== true && (
        <Badge tone="good">In order</Badge>
      )}
    </>
  );
};

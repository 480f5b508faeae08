import { Hono } from 'hono';

import { type AppOverview, MAX_COUNTED, showOverview } from '../../../broker/apps/app-overview.ts';
import { listRedirectUris } from '../../../broker/apps/manage-apps.ts';
import { listApiKeys } from '../../../broker/apps/manage-keys.ts';
import { deleteApp } from '../../../broker/users/delete-app.ts';
import { listWebhooks } from '../../../broker/webhooks/manage-webhooks.ts';
import { changeApp, versionField } from '../change-app.tsx';
import { Activity } from '../components/activity.tsx';
import { appPage, appPath } from '../components/app-frame.tsx';
import { AppSettings } from '../components/app-settings.tsx';
import { Attention } from '../components/attention.tsx';
import { USER_STATES, type UserState } from '../components/user-state.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { redirectWithNotice } from '../flash.ts';
import { type FieldErrors, nameForm, parseForm, readForm, type RefusedForm } from '../form.ts';

/** An app's Overview tab: users by state, activity by day, what needs attention, and settings. */
export const overviewPages = new Hono<DashboardEnv>();

overviewPages.get('/', (c) => overviewPage(c));

overviewPages.post('/name', async (c) => {
  const wanted = await parseForm(c, nameForm);
  if (!wanted.ok) return refuse(c, { name: 'Give it a name of 1 to 100 characters.' });
  return change(c, wanted.value);
});

overviewPages.post('/disable', (c) => change(c, { disabled: true }));
overviewPages.post('/enable', (c) => change(c, { disabled: false }));

const change = (c: DashboardContext, settings: { name: string } | { disabled: boolean }): Promise<Response> =>
  changeApp(c, settings, { tab: 'overview', path: '', notice: 'app_changed' });

overviewPages.post('/delete', async (c) => {
  const app = c.get('app');
  const typed = (await readForm(c)).get('confirmation') ?? '';
  if (typed !== app.id) return refuse(c, { confirmation: 'That is not the app’s id. Nothing was deleted.' });
  const deleted = await deleteApp(c.get('deps'), c.get('managed'));
  if (!deleted.ok) return answerFailure(c, deleted.failure);
  return deleted.value
    ? redirectWithNotice(c, '/dashboard/apps', 'app_deleted')
    : redirectWithNotice(c, appPath(app), 'app_shrinking');
});

const refuse = async (c: DashboardContext, errors: FieldErrors): Promise<Response> =>
  overviewPage(c, { errors, typed: await readForm(c) });

const overviewPage = async (c: DashboardContext, refused?: RefusedForm): Promise<Response> => {
  const app = c.get('app');
  const deps = c.get('deps');
  const [shown, uris, keys, webhooks] = await Promise.all([
    showOverview(deps, app.id),
    listRedirectUris(deps, c.get('managed')),
    listApiKeys(deps, c.get('managed')),
    listWebhooks(deps, c.get('managed')),
  ]);
  if (!shown.ok) return answerFailure(c, shown.failure);
  if (!uris.ok) return answerFailure(c, uris.failure);
  if (!keys.ok) return answerFailure(c, keys.failure);
  if (!webhooks.ok) return answerFailure(c, webhooks.failure);
  const overview = shown.value;
  return appPage(
    c,
    { tab: 'overview', status: refused === undefined ? 200 : 422 },
    <>
      <section aria-labelledby="users">
        <h2 id="users">Users</h2>
        <UserCounts c={c} users={overview.users} />
      </section>
      <Attention
        app={app}
        users={overview.users}
        failing={overview.failing}
        webhooks={webhooks.value}
        uris={uris.value.length}
        keys={keys.value.credentials.filter(({ revokedAt }) => revokedAt === undefined).length}
      />
      <Activity
        days={overview.activity}
        none="Nothing yet. The first sync of a user shows here."
        hint={
          overview.activityOfFirst === undefined
            ? undefined
            : `Summed over the first ${overview.activityOfFirst.toLocaleString('en')} users by id.`
        }
      />
      <AppSettings app={app} formToken={c.get('formToken')} version={await versionField(app)} refused={refused} />
    </>,
  );
};

const COUNTED: readonly UserState[] = ['active', 'pending', 'reauth_required', 'disconnected'];

const UserCounts = ({ c, users }: { c: DashboardContext; users: AppOverview['users'] }) => (
  <dl class="figures">
    {COUNTED.map((state) => (
      <div>
        <dt>
          <a href={`${appPath(c.get('app'))}/users?state=${state}`}>{USER_STATES[state].label}</a>
        </dt>
        <dd>{`${users[state].toLocaleString('en')}${users[state] === MAX_COUNTED ? ' or more' : ''}`}</dd>
      </div>
    ))}
  </dl>
);

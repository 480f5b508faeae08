import { Hono } from 'hono';

import { type ListedUser, listConnections } from '../../../broker/users/list-connections.ts';
import type { EpochMs } from '../../../domain/time.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { Field } from '../components/form.tsx';
import { More } from '../components/more.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import { DELIVERIES, DemoBadge, StateBadge, USER_STATES, type UserState } from '../components/user-state.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';

/** An app's users, filtered by the beginning of their id and by state. */
export const usersPages = new Hono<DashboardEnv>();

const MAX_ID_LENGTH = 128;

/** Beside the states: connected, and the last sync or refresh failed. */
const FAILING = 'failing';
type Chosen = UserState | typeof FAILING;

const isUserState = (word: string): word is UserState => Object.hasOwn(USER_STATES, word);

usersPages.get('/', async (c) => {
  const app = c.get('app');
  const word = c.req.query('state') ?? '';
  const state = isUserState(word) ? word : undefined;
  const failing = word === FAILING;
  const chosen = failing ? FAILING : state;
  const prefix = (c.req.query('q') ?? '').trim().slice(0, MAX_ID_LENGTH);
  const afterUserId = c.req.query('after') ?? '';
  const listed = await listConnections(c.get('deps'), app.id, { state, failing, prefix, afterUserId });
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { users, nextAfterUserId } = listed.value;
  const isFiltered = chosen !== undefined || prefix !== '' || afterUserId !== '';
  return appPage(
    c,
    { tab: 'users' },
    <section aria-labelledby="users">
      <h2 id="users">Users</h2>
      <form class="inline" method="get" action={`${appPath(app)}/users`} role="search">
        <Field
          name="q"
          label="User id begins with"
          hint="Upper and lower case differ."
          type="search"
          value={prefix}
          maxlength={MAX_ID_LENGTH}
          spellcheck={false}
        />
        <StateFilter chosen={chosen} />
        <button type="submit">Search</button>
      </form>
      {users.length === 0 ? (
        <NoUsers c={c} isFiltered={isFiltered} />
      ) : (
        <UserTable c={c} users={users} now={c.get('deps').now()} />
      )}
      <More next={nextAfterUserId && nextPage(c, { state: chosen, prefix, after: nextAfterUserId })} />
    </section>,
  );
});

const nextPage = (
  c: DashboardContext,
  { state, prefix, after }: { state: Chosen | undefined; prefix: string; after: string },
): string =>
  `${appPath(c.get('app'))}/users?${new URLSearchParams({ state: state ?? '', q: prefix, after }).toString()}`;

const StateFilter = ({ chosen }: { chosen: Chosen | undefined }) => (
  <div class="field short">
    <label for="state">State</label>
    <select id="state" name="state">
      <option value="">Any</option>
      {Object.entries(USER_STATES).map(([state, { label }]) => (
        <option value={state} selected={state === chosen}>
          {label}
        </option>
      ))}
      <option value={FAILING} selected={chosen === FAILING}>
        Connected, failing
      </option>
    </select>
  </div>
);

const NoUsers = ({ c, isFiltered }: { c: DashboardContext; isFiltered: boolean }) => (
  <div class="empty">
    {isFiltered ? (
      <p>
        <strong>No user matches.</strong> <a href={`${appPath(c.get('app'))}/users`}>Show all users</a>
      </p>
    ) : (
      <p>
        <strong>No user has connected yet.</strong> Open the “Try it” link on the{' '}
        <a href={`${appPath(c.get('app'))}/health`}>Health tab</a>, allow access, and you are the first.
      </p>
    )}
  </div>
);

const UserTable = ({ c, users, now }: { c: DashboardContext; users: readonly ListedUser[]; now: EpochMs }) => (
  <Table
    label="Users"
    columns={['User', 'State', 'Since', 'Last sync', 'Data as of', 'Data comes', 'Last push']}
    rows={users.map(({ userId, state, stateSince, lastSyncAt, dataAsOf, delivery, lastPushAt, failure, isDemo }) => ({
      cells: [
        <a href={`${appPath(c.get('app'))}/users/${encodeURIComponent(userId)}`}>{userId}</a>,
        <>
          <StateBadge state={state} /> {isDemo && <DemoBadge />}
          {failure !== undefined && (
            <>
              {' '}
              failing (<code>{failure}</code>)
            </>
          )}
        </>,
        <Ago at={stateSince} now={now} />,
        <Ago at={lastSyncAt} now={now} />,
        <Ago at={dataAsOf} now={now} />,
        delivery === undefined ? <span class="none">not now</span> : DELIVERIES[delivery],
        <Ago at={lastPushAt} now={now} />,
      ],
    }))}
  />
);

import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';

import type { AuthorizedRequest } from '../../../broker/access/authenticate.ts';
import { sync } from '../../../broker/sync/sync.ts';
import { disconnect, showConnection, syncableConnection, userOfApp } from '../../../broker/users/connection-state.ts';
import { eraseUser } from '../../../broker/users/erase-user.ts';
import { parseUserId } from '../../../domain/user-id.ts';
import { inlineCode } from '../../inline-code.tsx';
import { problemOf } from '../../problem-text.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { BodyPlots, readPlots, rangeOf } from '../components/body-plots.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Field, Form } from '../components/form.tsx';
import { Timeline, UserFacts } from '../components/user-facts.tsx';
import { StateBadge } from '../components/user-state.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { readForm } from '../form.ts';
import { type Notice, withNotice } from '../notice.ts';

/** One user: body data, what happened, and what can be done. */
export const userPages = new Hono<DashboardEnv>();

const requireUser = createMiddleware<DashboardEnv>(async (c, next) => {
  const userId = parseUserId(c.req.param('user_id') ?? '');
  if (!userId.ok) return answerFailure(c, { kind: 'not_found', what: 'user' });
  const user = await userOfApp(c.get('deps'), c.get('managed'), userId.value);
  if (!user.ok) return answerFailure(c, user.failure);
  c.set('user', user.value);
  return next();
});

userPages.use(requireUser);

userPages.get('/', (c) => userPage(c, c.get('user'), {}));

userPages.post('/sync', async (c) => {
  const user = c.get('user');
  const connection = syncableConnection(user);
  const synced = connection.ok ? await sync(c.get('deps'), connection.value) : connection;
  if (!synced.ok) return userPage(c, user, { problem: problemOf(synced.failure).detail });
  return backTo(c, user, synced.value.complete ? 'user_synced' : 'user_syncing');
});

userPages.post('/disconnect', async (c) => {
  const done = await disconnect(c.get('deps'), c.get('user'));
  return done.ok ? backTo(c, c.get('user'), 'user_disconnected') : answerFailure(c, done.failure);
});

userPages.post('/erase', async (c) => {
  const user = c.get('user');
  const typed = (await readForm(c)).get('confirmation') ?? '';
  if (typed !== user.userId) {
    return userPage(c, user, { confirmation: 'That is not the user’s id. Nothing was erased.' });
  }
  const erased = await eraseUser(c.get('deps'), c.get('managed').by, user);
  if (!erased.ok) return answerFailure(c, erased.failure);
  if (!erased.value.complete) return backTo(c, user, 'user_shrinking');
  return c.redirect(withNotice(`${appPath(c.get('app'))}/users`, 'user_erased'), 303);
});

const pathOf = (c: DashboardContext, { userId }: AuthorizedRequest): string =>
  `${appPath(c.get('app'))}/users/${encodeURIComponent(userId)}`;

const backTo = (c: DashboardContext, user: AuthorizedRequest, notice: Notice): Response =>
  c.redirect(withNotice(pathOf(c, user), notice), 303);

const userPage = async (
  c: DashboardContext,
  user: AuthorizedRequest,
  errors: { problem?: string; confirmation?: string },
): Promise<Response> => {
  const deps = c.get('deps');
  const shown = await showConnection(deps, user);
  if (!shown.ok) return answerFailure(c, shown.failure);
  const { detail, pendingSince } = shown.value;
  const range = rangeOf(c.req.query('range'));
  const plots = await readPlots(deps, user.connection, range);
  if (!plots.ok) return answerFailure(c, plots.failure);
  const state = detail?.state ?? 'pending';
  const hasErrors = Object.keys(errors).length > 0;
  return appPage(
    c,
    { tab: 'users', status: hasErrors ? 409 : 200 },
    <>
      {errors.problem && (
        <p class="notice bad" role="alert">
          {inlineCode(errors.problem)}
        </p>
      )}
      <section aria-labelledby="user">
        <div class="title">
          <h2 id="user">{user.userId}</h2>
          <StateBadge state={state} />
          <Actions c={c} user={user} state={state} />
        </div>
        <UserFacts detail={detail} pendingSince={pendingSince} now={deps.now()} />
      </section>
      <BodyPlots plots={plots.value} range={range} path={pathOf(c, user)} isActive={state === 'active'} />
      <Timeline events={detail?.timeline ?? []} />
      <Erase c={c} user={user} error={errors.confirmation} />
    </>,
  );
};

const Actions = ({ c, user, state }: { c: DashboardContext; user: AuthorizedRequest; state: string }) => (
  <div class="actions">
    {state === 'active' && (
      <Form action={`${pathOf(c, user)}/sync`} token={c.get('formToken')}>
        <button type="submit">Sync now</button>
      </Form>
    )}
    {state !== 'disconnected' && (
      <Confirm
        id="disconnect"
        ask="Disconnect"
        title={`Disconnect ${user.userId}?`}
        action="Disconnect user"
        path={`${pathOf(c, user)}/disconnect`}
        formToken={c.get('formToken')}
      >
        The tokens are forgotten at once, and the user has to connect again before anything new comes in. Stored
        measurements stay.
      </Confirm>
    )}
  </div>
);

const Erase = ({ c, user, error }: { c: DashboardContext; user: AuthorizedRequest; error: string | undefined }) => (
  <details open={error !== undefined}>
    <summary>Erase user</summary>
    <Form action={`${pathOf(c, user)}/erase`} token={c.get('formToken')}>
      <p class="hint">
        Removes the connection, its tokens and every measurement, for good. Access at Withings is withdrawn too, unless
        the same Withings account is connected elsewhere.
      </p>
      <Field
        name="confirmation"
        label={`Type ${user.userId} to confirm`}
        error={error}
        autocomplete="off"
        spellcheck={false}
        required
      />
      <button class="final" type="submit">
        Erase user
      </button>
    </Form>
  </details>
);

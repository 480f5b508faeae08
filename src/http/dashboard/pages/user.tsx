import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import * as z from 'zod';

import { userOfApp } from '../../../broker/access/admit-backend.ts';
import type { AuthorizedRequest } from '../../../broker/access/authenticate.ts';
import { listRedirectUris } from '../../../broker/apps/manage-apps.ts';
import { sync } from '../../../broker/sync/sync.ts';
import { disconnect, showConnection, syncableConnection } from '../../../broker/users/connection-state.ts';
import { eraseUser } from '../../../broker/users/erase-user.ts';
import type { Failure } from '../../../domain/failure.ts';
import type { Result } from '../../../domain/result.ts';
import { parseUserId } from '../../../domain/user-id.ts';
import { redirectUriText } from '../../api/schemas.ts';
import { inlineCode } from '../../inline-code.tsx';
import { problemOf } from '../../problem-text.ts';
import { publicUrl } from '../../public-url.ts';
import { answerBodyCsv } from '../body-csv.ts';
import { readBodyData, shownOf } from '../body-data.ts';
import { appPage, appPath } from '../components/app-frame.tsx';
import { BodyPlots } from '../components/body-plots.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Field, Form } from '../components/form.tsx';
import { SharedAccount } from '../components/shared-account.tsx';
import { ShownOnce } from '../components/shown-once.tsx';
import { Timeline, UserFacts } from '../components/user-facts.tsx';
import { DemoBadge, StateBadge } from '../components/user-state.tsx';
import type { DashboardContext, DashboardEnv } from '../context.ts';
import { answerBadForm, answerFailure } from '../failure.tsx';
import { redirectShowing, redirectWithNotice, takeShown } from '../flash.ts';
import { parseForm, readForm } from '../form.ts';
import { linkFor } from '../link-for.ts';
import type { Notice } from '../notice.ts';

/** One user: body data, timeline and actions. */
export const userPages = new Hono<DashboardEnv>();

const linkForm = z.strictObject({ uri: redirectUriText });

const requireUser = createMiddleware<DashboardEnv>(async (c, next) => {
  const userId = parseUserId(c.req.param('user_id') ?? '');
  if (!userId.ok) return answerFailure(c, { kind: 'not_found', what: 'user' });
  const { app, by } = c.get('managed');
  c.set('person', { appId: app.id, userId: userId.value, by });
  return next();
});

userPages.use(requireUser);

/** The user with their connection: what flows is read and pulled by this, and a disabled app has none. */
const flowing = (c: DashboardContext): Promise<Result<AuthorizedRequest, Failure>> =>
  userOfApp(c.get('deps'), c.get('managed'), c.get('person').userId);

userPages.get('/', (c) => userPage(c, {}));

userPages.get('/csv', async (c) => {
  const user = await flowing(c);
  return user.ok ? answerBodyCsv(c, user.value) : answerFailure(c, user.failure);
});

userPages.post('/sync', async (c) => {
  const user = await flowing(c);
  const connection = user.ok ? syncableConnection(user.value) : user;
  const synced = connection.ok ? await sync(c.get('deps'), connection.value) : connection;
  if (!synced.ok) return userPage(c, { problem: problemOf(synced.failure, publicUrl(c)).detail });
  return backTo(c, synced.value.complete ? 'user_synced' : 'user_syncing');
});

userPages.post('/disconnect', async (c) => {
  const done = await disconnect(c.get('deps'), c.get('person'));
  return done.ok ? backTo(c, 'user_disconnected') : answerFailure(c, done.failure);
});

userPages.post('/switch-link', async (c) => {
  const wanted = await parseForm(c, linkForm);
  if (!wanted.ok) return answerBadForm(c, wanted.failure);
  const { userId } = c.get('person');
  const link = await linkFor(c, { userId, redirectUri: wanted.value.uri, switchAccount: true });
  if (!link.ok) return userPage(c, { problem: problemOf(link.failure, publicUrl(c)).detail });
  return redirectShowing(c, pathOf(c), { kind: 'switch_link', secret: link.value });
});

userPages.post('/erase', async (c) => {
  const { by, ...user } = c.get('person');
  const typed = (await readForm(c)).get('confirmation') ?? '';
  if (typed !== user.userId) {
    return userPage(c, { confirmation: 'That is not the user’s id. Nothing was erased.' });
  }
  const erased = await eraseUser(c.get('deps'), by, user);
  if (!erased.ok) return answerFailure(c, erased.failure);
  if (!erased.value.complete) return backTo(c, 'user_shrinking');
  return redirectWithNotice(c, `${appPath(c.get('app'))}/users`, 'user_erased');
});

const pathOf = (c: DashboardContext): string =>
  `${appPath(c.get('app'))}/users/${encodeURIComponent(c.get('person').userId)}`;

const backTo = (c: DashboardContext, notice: Notice): Response => redirectWithNotice(c, pathOf(c), notice);

/** What the API calls a connection is a user's page here. */
const answerUnshown = (c: DashboardContext, failure: Failure) =>
  answerFailure(c, failure.kind === 'not_found' ? { kind: 'not_found', what: 'user' } : failure);

const userPage = async (
  c: DashboardContext,
  errors: { problem?: string; confirmation?: string },
): Promise<Response> => {
  const deps = c.get('deps');
  const { userId } = c.get('person');
  const shown = await showConnection(deps, c.get('person'));
  if (!shown.ok) return answerUnshown(c, shown.failure);
  const { detail, pending } = shown.value;
  const asked = shownOf((name) => c.req.query(name));
  const user = await flowing(c);
  if (!user.ok && user.failure.kind !== 'app_disabled') return answerFailure(c, user.failure);
  const body = user.ok ? await readBodyData(deps, user.value.connection, asked) : undefined;
  if (body?.ok === false) return answerFailure(c, body.failure);
  const state = detail?.state ?? 'pending';
  const uris = detail?.isShared === true ? await listRedirectUris(deps, c.get('managed')) : undefined;
  if (uris?.ok === false) return answerFailure(c, uris.failure);
  const link = await takeShown(c);
  const hasErrors = Object.keys(errors).length > 0;
  return appPage(
    c,
    { tab: 'users', page: userId, status: hasErrors ? 409 : 200 },
    <>
      {errors.problem && (
        <p class="notice bad" role="alert">
          {inlineCode(errors.problem)}
        </p>
      )}
      <section aria-labelledby="user">
        <div class="title">
          <h2 id="user">{userId}</h2>
          <StateBadge state={state} />
          {(detail ?? pending)?.isDemo === true && <DemoBadge />}
          <Actions c={c} state={state} />
        </div>
        <UserFacts detail={detail} pending={pending} now={deps.now()} />
      </section>
      {link && <ShownOnce {...link} />}
      {uris && <SharedAccount action={`${pathOf(c)}/switch-link`} formToken={c.get('formToken')} uris={uris.value} />}
      {body === undefined ? (
        <p class="hint">The app is disabled: body data is neither shown nor pulled. The user can still be erased.</p>
      ) : (
        <BodyPlots body={body.value} asked={asked} path={pathOf(c)} isActive={state === 'active'} now={deps.now()} />
      )}
      <Timeline events={detail?.timeline ?? []} />
      <Erase c={c} error={errors.confirmation} />
    </>,
  );
};

const Actions = ({ c, state }: { c: DashboardContext; state: string }) => (
  <div class="actions">
    {state === 'active' && c.get('app').disabledAt === undefined && (
      <Form action={`${pathOf(c)}/sync`} token={c.get('formToken')}>
        <button type="submit">Sync now</button>
      </Form>
    )}
    {state !== 'disconnected' && (
      <Confirm
        id="disconnect"
        ask="Disconnect"
        title={`Disconnect ${c.get('person').userId}?`}
        action="Disconnect user"
        path={`${pathOf(c)}/disconnect`}
        formToken={c.get('formToken')}
      >
        The tokens are deleted at once, and the user has to connect again before new data arrives. Stored measurements
        stay.
      </Confirm>
    )}
  </div>
);

const Erase = ({ c, error }: { c: DashboardContext; error: string | undefined }) => (
  <details open={error !== undefined}>
    <summary>Erase user</summary>
    <Form action={`${pathOf(c)}/erase`} token={c.get('formToken')}>
      <p class="hint">
        Removes the connection, its tokens and every measurement. This cannot be undone. Access at Withings is withdrawn
        too, unless the same Withings account is connected elsewhere.
      </p>
      <Field
        name="confirmation"
        label={`Type ${c.get('person').userId} to confirm`}
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

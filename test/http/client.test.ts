import { beforeAll, expect, test } from 'vitest';

import * as accounts from '../../src/client/accounts.ts';
import * as connections from '../../src/client/connections.ts';
import * as management from '../../src/client/management.ts';
import * as metrics from '../../src/client/metrics.ts';
import type { Answer, Broker as Target } from '../../src/client/send.ts';
import * as webhooks from '../../src/client/webhooks.ts';
import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { type Broker, connect, makeApp, ORIGIN, startBroker, type TestApp, WOMOJI } from '../support/broker.ts';

let broker: Broker;
let app: TestApp;
let backend: Target;
let operator: Target;

beforeAll(async () => {
  broker = await startBroker();
  app = await makeApp(broker);
  backend = { url: ORIGIN, credential: app.key, fetch: broker.fetch };
  operator = { url: ORIGIN, credential: broker.operatorToken, fetch: broker.fetch, userAgent: 'mushu-cli/test' };
});

const valueOf = <Value>(answer: Answer<Value>): Value => {
  if (!answer.ok) throw new Error(JSON.stringify(answer.failure));
  return answer.value;
};

/** What a browser opens, and the document itself. */
const NOT_CALLED = ['startLink', 'finishLink', 'probeNotifications', 'takeNotification'];

test('every operation of the reference has a function of its name, and no function is for nothing', () => {
  const functions = Object.keys({ ...connections, ...metrics, ...management, ...accounts, ...webhooks }).filter(
    // They make a URL, repeat a request, or check one that came.
    (name) => !['linkUrl', 'syncAll', 'verifyWebhook'].includes(name),
  );
  const ids = OPERATIONS.map(({ id }) => id).filter((id) => !NOT_CALLED.includes(id));
  expect(functions.sort()).toEqual(ids.sort());
});

test('a failure is returned with its code, what to do, and when to come back', async () => {
  const unknown = await connections.sync(backend, app.id, 'nobody');
  expect(unknown).toEqual({
    ok: false,
    failure: {
      kind: 'problem',
      code: 'not_connected',
      status: 409,
      title: expect.any(String),
      detail: expect.any(String),
      requestId: expect.any(String),
      retryAfterSeconds: undefined,
    },
  });
});

test('no answer, and the answer of something else, are told apart from the broker’s', async () => {
  const down = { ...backend, fetch: () => Promise.reject(new TypeError('connection refused')) };
  expect(await connections.getStatus(down, app.id, 'ada')).toEqual({
    ok: false,
    failure: { kind: 'unreachable', reason: 'connection refused' },
  });
  for (const foreign of [
    new Response('<h1>Bad Gateway</h1>', { status: 502 }),
    new Response('<h1>Sign in to the Wi-Fi</h1>'),
    Response.json({ error: 'nope' }, { status: 500 }),
    Response.json({ code: 17, detail: {} }, { status: 500 }),
    new Response(null, { status: 302, headers: { Location: 'https://portal.example.com' } }),
  ]) {
    const answer = await connections.getStatus({ ...backend, fetch: () => Promise.resolve(foreign) }, app.id, 'ada');
    expect(answer).toEqual({ ok: false, failure: { kind: 'unexpected_answer', status: foreign.status } });
  }
});

test('why there was no answer is told from the cause that fetch hides it in', async () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
  const down = { ...backend, fetch: () => Promise.reject(new TypeError('fetch failed', { cause })) };
  expect(await connections.getStatus(down, app.id, 'ada')).toEqual({
    ok: false,
    failure: { kind: 'unreachable', reason: 'ECONNREFUSED' },
  });
});

test.each(['.', '..'])('an id %s, which would make another request of this one, is not sent', async (id) => {
  const silent = { ...operator, fetch: () => Promise.reject(new Error('it was sent')) };
  for (const answer of [
    await connections.eraseUser(silent, app.id, id),
    await management.revokeKey(silent, app.id, id),
    await management.deleteApp(silent, id),
    await accounts.revokeAccountToken(silent, 'acct_x', id),
  ]) {
    expect(answer).toEqual({ ok: false, failure: { kind: 'not_sent', detail: expect.any(String) } });
  }
});

test('ids are encoded in paths and links as the broker reads them', async () => {
  for (const userId of ['auth0|5f7c', 'ada+lovelace@example.com', "o'neill!", '..x']) {
    const link = connections.linkUrl(backend, app.id, { userId, redirectUri: WOMOJI });
    expect((await broker.request(link)).status).toBe(302);
    expect(valueOf(await connections.getStatus(backend, app.id, userId))).toEqual({ connected: false });
  }
});

test('a user is linked, pulled, read, forgotten and erased', async () => {
  await connect(broker, app, 'ada', 'nora');
  expect(valueOf(await connections.getStatus(backend, app.id, 'ada'))).toEqual({ connected: true });
  const { token } = valueOf(await connections.createUserToken(backend, app.id, { user_id: 'ada' }));
  const phone = { ...backend, credential: token };
  const synced = valueOf(await connections.sync(phone, app.id, 'ada'));
  expect(synced.added).toBeGreaterThan(0);
  const page = valueOf(await metrics.listMetrics(phone, app.id, 'ada', { metric: 'weight', limit: 2 }));
  expect(page.data.map(({ metric }) => metric)).toEqual(['weight', 'weight']);
  const next = valueOf(
    await metrics.listMetrics(phone, app.id, 'ada', { metric: 'weight', limit: 2, cursor: page.next_cursor ?? '' }),
  );
  expect(next.data).not.toEqual(page.data);
  expect(valueOf(await metrics.getLatestMetrics(phone, app.id, 'ada')).data['weight']?.unit).toBe('kg');
  expect(valueOf(await metrics.getMetricChanges(phone, app.id, 'ada')).data.length).toBeGreaterThan(0);
  for (const summary of [metrics.getDailyMetrics, metrics.getWeeklyMetrics, metrics.getMonthlyMetrics]) {
    expect(valueOf(await summary(phone, app.id, 'ada', { metric: 'weight' })).data.length).toBeGreaterThan(0);
  }
  expect(valueOf(await metrics.getMetricCatalog(phone, app.id, 'ada')).data.length).toBeGreaterThan(20);
  expect(valueOf(await connections.getConnection(backend, app.id, 'ada')).state).toBe('active');
  expect(valueOf(await connections.exportUser(backend, app.id, 'ada')).groups.length).toBeGreaterThan(0);
  const changes = valueOf(await metrics.listChanges(backend, app.id, { limit: 2 }));
  expect(changes).toMatchObject({ data: [{ user_id: 'ada', reset: true }, { user_id: 'ada' }], has_more: true });
  const { next_cursor: cursor } = changes;
  expect(valueOf(await metrics.listChanges(backend, app.id, { cursor, limit: 2 })).data).not.toEqual(changes.data);
  expect(valueOf(await connections.disconnect(phone, app.id, 'ada'))).toEqual({ connected: false });
  const withdrawn = valueOf(await connections.disconnect(phone, app.id, 'ada', { withdraw: 'true' }));
  expect(withdrawn.withings).toEqual({ revoked: 1, kept: 0, failed: 0 });
  expect(valueOf(await connections.eraseUser(backend, app.id, 'ada')).complete).toBe(true);
});

test('an app is made, changed and deleted', async () => {
  const made = valueOf(await management.createApp(operator, { name: 'Walker' }));
  expect(valueOf(await management.updateApp(operator, made.id, { link_policy: 'session' })).link_policy).toBe(
    'session',
  );
  const key = valueOf(await management.createKey(operator, made.id, { name: 'backend' }));
  expect(valueOf(await management.listKeys(operator, made.id)).data).toHaveLength(1);
  const uri = 'https://walker.example.com/done';
  const first = await management.registerRedirectUri(operator, made.id, uri);
  const again = await management.registerRedirectUri(operator, made.id, uri);
  expect([first, again]).toMatchObject([{ status: 201 }, { status: 200 }]);
  expect(valueOf(await management.listRedirectUris(operator, made.id)).data).toMatchObject([{ uri }]);
  expect(valueOf(await management.unregisterRedirectUri(operator, made.id, uri))).toBeNull();
  expect(valueOf(await management.revokeKey(operator, made.id, key.id))).toBeNull();
  const { data } = valueOf(await management.listAppAudit(operator, made.id));
  expect(new Set(data.map(({ surface }) => surface))).toEqual(new Set(['cli']));
  expect(valueOf(await management.getApp(operator, made.id)).name).toBe('Walker');
  expect(valueOf(await management.deleteApp(operator, made.id))).toBeNull();
});

test('an endpoint is added, changed, tested and removed', async () => {
  const made = valueOf(await webhooks.createWebhook(operator, app.id, { url: 'https://hooks.example.com/a' }));
  expect(made.secret).toMatch(/^whsec_/);
  const listed = valueOf(await webhooks.listWebhooks(operator, app.id));
  expect(listed.data).toMatchObject([{ id: made.id }]);
  expect(JSON.stringify(listed)).not.toContain(made.secret);
  const changed = await webhooks.updateWebhook(operator, app.id, made.id, { payload: 'thin' });
  expect(valueOf(changed)).toMatchObject({ payload: 'thin', disabled: false });
  expect(valueOf(await webhooks.getWebhook(operator, app.id, made.id)).payload).toBe('thin');
  expect(valueOf(await webhooks.rotateWebhookSecret(operator, app.id, made.id)).secret).not.toBe(made.secret);
  const tested = valueOf(await webhooks.testWebhook(operator, app.id, made.id));
  await broker.settle();
  const attempts = valueOf(await webhooks.listWebhookAttempts(operator, app.id, made.id));
  expect(attempts.data[0]?.event_id).toBe(tested.event_id);
  expect(valueOf(await webhooks.resendEvents(operator, app.id, made.id, { from: 1 })).queued).toBe(1);
  expect(valueOf(await webhooks.listEvents(backend, app.id))).toMatchObject({ data: [], has_more: false });
  expect(valueOf(await webhooks.deleteWebhook(operator, app.id, made.id))).toBeNull();
});

test('an edit of what somebody changed meanwhile is refused where the version that was read is named', async () => {
  const read = await management.getApp(operator, app.id);
  const etag = (read.ok && read.headers.get('ETag')) || '';
  expect(valueOf(await management.updateApp(operator, app.id, { name: 'One' }, etag)).name).toBe('One');
  const late = await management.updateApp(operator, app.id, { name: 'Two' }, etag);
  expect(late).toMatchObject({ ok: false, failure: { code: 'app_changed' } });
  expect(valueOf(await management.getApp(operator, app.id)).name).toBe('One');
});

test('an account is made, and its token manages what it owns and nothing else', async () => {
  const { id } = valueOf(await accounts.createAccount(operator, { name: 'Ada' }));
  const { token, ...made } = valueOf(await accounts.createAccountToken(operator, id, { name: 'laptop' }));
  const developer = { ...operator, credential: token };
  expect(valueOf(await accounts.whoami(developer)).account).toMatchObject({ id });
  const second = valueOf(await accounts.createToken(developer, { name: 'spare', expires_in_days: 1 }));
  expect(valueOf(await accounts.listTokens(developer)).data).toHaveLength(2);
  expect(valueOf(await accounts.revokeToken(developer, second.id))).toBeNull();
  expect(await management.getApp(developer, app.id)).toMatchObject({ failure: { code: 'app_not_found' } });
  expect(await accounts.listAccounts(developer)).toMatchObject({ ok: false, failure: { kind: 'problem' } });
  expect(valueOf(await accounts.listAccounts(operator)).data.length).toBeGreaterThan(0);
  expect(valueOf(await accounts.listAccountTokens(operator, id)).data).toHaveLength(2);
  expect(valueOf(await accounts.revokeAccountToken(operator, id, made.id))).toBeNull();
  expect(valueOf(await accounts.updateAccount(operator, id, { disabled: true })).disabled).toBe(true);
  expect(valueOf(await accounts.getAccount(operator, id)).name).toBe('Ada');
});

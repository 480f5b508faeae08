import { env } from 'cloudflare:workers';
import { beforeAll, expect, test } from 'vitest';

import { mintCredential } from '../../src/crypto/credential.ts';
import {
  authPath,
  type Broker,
  connect,
  emptyStorage,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
} from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { meterFetch, meterKv } from '../support/meters.ts';

/**
 * What one request costs that a stranger, or who has stolen something, can make: the figures that SECURITY.md
 * calculates with. Rows and KV operations are what Cloudflare bills; requests to Withings what Withings counts.
 */

const d1 = meterD1(env.DB);
const kv = meterKv(env.LINKS);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;
let userToken: string;

beforeAll(async () => {
  await emptyStorage();
  broker = await startBroker({ bindings: { DB: d1.d1, LINKS: kv.kv }, fetch: sent.wrap });
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  while ((await app.call('POST', '/withings/sync/ada')).status !== 200) broker.advance(60_000);
  for (const name of ['a', 'b', 'c']) {
    const path = authPath(app, name === 'c' ? 'ada' : 'nobody');
    states[name] = new URL((await openLink(broker, path)).authorizeUrl).searchParams.get('state');
  }
  userToken = await app.userToken('ada');
});

/** Rows of D1, writes of KV, requests to Withings. */
type Cost = { read: number; written: number; kv: number; withings: number };
const NOTHING: Cost = { read: 0, written: 0, kv: 0, withings: 0 };

/** What one request costs, with all that it leaves running. */
const costOf = async (request: () => Promise<Response>): Promise<Cost & { status: number }> => {
  await broker.settle();
  d1.reset();
  kv.reset();
  sent.reset();
  const { status } = await request();
  await broker.settle();
  return {
    status,
    read: d1.rowsRead(),
    written: d1.rowsWritten(),
    kv: kv.operations.filter((operation) => operation === 'put').length,
    withings: sent.count(),
  };
};
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  broker.request(path, { method, headers: { 'CF-Connecting-IP': '203.0.113.7', ...headers } });
const statusPath = () => `/apps/${app.id}/withings/status/ada`;
/** Of links that were opened before they are measured; `b` comes back without a code. */
const states: Record<string, string | null> = {};
const callback = (name: 'a' | 'b' | 'c') =>
  get(`/withings/callback?${name === 'b' ? 'error=access_denied' : 'code=made-up'}&state=${states[name]}`);
const sync = () => get(`/apps/${app.id}/withings/sync/ada`, bearer(), 'POST');
const bearer = () => ({ Authorization: `Bearer ${userToken}` });
const unknownKey = () => mintCredential('key', (size) => crypto.getRandomValues(new Uint8Array(size)));

/** As SECURITY.md says it. A mark of a used state is two rows written more when it is deleted. */
const ATTACKS: [what: string, status: number, most: Cost, request: () => Promise<Response>][] = [
  ['a path that is not there', 404, NOTHING, () => get('/nothing')],
  ['no credential', 401, NOTHING, () => get(statusPath())],
  [
    'a key that nobody knows',
    401,
    { ...NOTHING, read: 1 },
    async () => get(statusPath(), { 'X-API-Key': await unknownKey() }),
  ],
  ['a forged state', 400, NOTHING, () => get('/withings/callback?code=a&state=x')],
  ['a link', 302, { ...NOTHING, read: 3, kv: 1 }, () => get(authPath(app, 'nobody'))],
  ['a link that is refused', 400, { ...NOTHING, read: 8 }, () => get(authPath(app, 'nobody', 'https://evil.example/'))],
  ['a callback with a made-up code', 302, { read: 8, written: 4, kv: 0, withings: 1 }, () => callback('a')],
  [
    'a callback with a made-up code for a user who is connected',
    302,
    { read: 10, written: 4, kv: 0, withings: 1 },
    () => callback('c'),
  ],
  ['the same callback again', 302, { ...NOTHING, read: 6 }, () => callback('a')],
  ['a callback without a code', 302, { ...NOTHING, read: 4, written: 3 }, () => callback('b')],
  ['a look at /healthz', 200, { ...NOTHING, read: 6 }, () => get('/healthz')],
  ['the next look at /healthz', 200, NOTHING, () => get('/healthz')],
  ['status by user token', 200, { ...NOTHING, read: 4 }, () => get(statusPath(), bearer())],
  ['a sync by user token', 200, { read: 400, written: 4, kv: 0, withings: 2 }, () => sync()],
];

test.each(ATTACKS)('%s', async (_, status, most, request) => {
  const { status: answered, ...cost } = await costOf(request);
  expect(answered).toBe(status);
  for (const unit of ['read', 'written', 'kv', 'withings'] as const) {
    expect(cost[unit], unit).toBeLessThanOrEqual(most[unit]);
  }
});

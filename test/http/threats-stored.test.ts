import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, ORIGIN, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';
import { dumpState } from '../support/dump.ts';

/** What a copy of the database is worth, and how two apps with one Withings account stay apart. */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
});
const setPolicy = (to: TestApp, policy: string) => broker.manage('PATCH', `/apps/${to.id}`, { link_policy: policy });

test('two apps that link one Withings account have tokens of their own, and the end of one leaves the other', async () => {
  const [one, other] = [await makeApp(broker, 'One'), await makeApp(broker, 'Other')];
  for (const linked of [one, other]) await connect(broker, linked, 'ada', 'nora');
  const tokens = async () =>
    (
      await env.DB.prepare('SELECT refresh_token_sealed AS token FROM connections WHERE app_id IN (?, ?)')
        .bind(one.id, other.id)
        .all<{ token: string | null }>()
    ).results.map(({ token }) => token);
  const sync = async ({ call }: TestApp): Promise<number> => (await call('POST', '/withings/sync/ada')).status;
  // Past the life of an access token: both have to refresh.
  broker.advance(4 * 3_600_000);
  const before = await tokens();
  expect(await sync(one)).toBe(200);
  broker.advance(60_000);
  expect(await sync(other)).toBe(200);
  const after = await tokens();
  expect(new Set([...before, ...after]).size).toBe(4);

  await one.call('DELETE', '/withings/disconnect/ada');
  broker.advance(4 * 3_600_000);
  expect(await sync(one)).toBe(409);
  expect(await sync(other)).toBe(200);
});

describe('a copy of the database', () => {
  test('opens nothing: no token, key, ticket or session is in it, and what is in it is taken for none', async () => {
    const careful = await makeApp(broker, 'Copied');
    await connect(broker, careful, 'ada', 'nora');
    await setPolicy(careful, 'confirm');
    const ticket = new URL(
      (await connect(broker, careful, 'eve', 'kenji')).headers.get('Location') ?? '',
    ).searchParams.get('ticket');
    const developer = await makeDeveloper(broker);
    const browser = dashboardBrowser({ origin: ORIGIN, request: broker.request });
    await browser.signIn(developer.token);
    const copy = JSON.stringify(await dumpState());
    const tokens = broker.simulator.state.grants
      .all()
      .flatMap(({ pairs }) => pairs.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]));
    const held = [
      careful.key,
      ticket ?? '',
      developer.token,
      broker.operatorToken,
      ...browser.cookies.values(),
      ...tokens,
    ];
    for (const value of held) {
      expect(value.length).toBeGreaterThan(30);
      expect(copy).not.toContain(value);
    }

    const hashes = await env.DB.prepare(
      'SELECT hash FROM api_keys UNION SELECT hash FROM access_tokens UNION SELECT id_hash FROM dashboard_sessions',
    ).all<{ hash: string }>();
    expect(hashes.results.length).toBeGreaterThan(2);
    for (const { hash } of hashes.results) {
      for (const presented of [hash, `mushu_key_${hash}00000000`, `mushu_access_${hash}00000000`]) {
        const headers = { Authorization: `Bearer ${presented}` };
        expect((await broker.request(`/apps/${careful.id}/withings/status/ada`, { headers })).status).toBe(401);
      }
    }
  });

  test('made after a disconnect has no token of that user any more, sealed or not', async () => {
    await connect(broker, app, 'gone', 'nora');
    await app.call('DELETE', '/withings/disconnect/gone');
    const row = await env.DB.prepare('SELECT * FROM connections WHERE app_id = ? AND user_id = ?')
      .bind(app.id, 'gone')
      .first();
    expect(row).toMatchObject({
      access_token_sealed: null,
      refresh_token_sealed: null,
      previous_refresh_token_sealed: null,
    });
  });
});

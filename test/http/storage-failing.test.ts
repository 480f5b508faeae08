import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import {
  authPath,
  type Broker,
  connect,
  consent,
  emptyTables,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { type D1Fault, meterD1 } from '../support/d1-meter.ts';
import { dumpKv, dumpState } from '../support/dump.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';

/** KV and D1 failing at each step of each route: the answer says what to do, nothing is half done, and the next try succeeds. */

const d1 = meterD1(env.DB);
const kv = meterKv(env.LINKS);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;
let users = 0;

beforeEach(async () => {
  await emptyTables();
  d1.failWhen(undefined);
  kv.fail();
  broker = await startBroker({ bindings: { DB: d1.d1, LINKS: kv.kv }, fetch: sent.wrap });
  app = await makeApp(broker);
  users += 1;
  sent.reset();
});

const user = () => `user-${users}`;

const consented = async () => {
  const { authorizeUrl, cookies } = await openLink(broker, authPath(app, user()));
  const url = await consent(broker, authorizeUrl, 'nora');
  const state = new URL(url).searchParams.get('state') ?? '';
  return { state, finish: () => broker.request(url, { headers: { Cookie: cookies } }) };
};

const errorIn = (response: Response) => new URL(response.headers.get('Location') ?? 'none:').searchParams.get('error');

describe('KV', () => {
  test('that takes no writes is done without: the record travels sealed in the state', async () => {
    kv.fail('put');
    const before = await dumpKv();
    const { state, finish } = await consented();
    expect(await dumpKv()).toEqual(before);
    const payload = atob((state.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    expect(payload).not.toContain(user());
    kv.reset();
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect(kv.operations).toEqual([]);
    expect(await (await app.call('GET', `/withings/status/${user()}`)).json()).toEqual({ connected: true });
    expect(broker.logs).toContainEqual(expect.objectContaining({ level: 'warn', outcome: 'kv_put_failed' }));
  });

  test('that cannot be read sends the browser back to the app, and no code is exchanged', async () => {
    const { finish } = await consented();
    kv.fail('get');
    expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
    expect(sent.count()).toBe(0);
  });

  test('that lost the record sends the browser back to the app, and no code is exchanged', async () => {
    const { finish } = await consented();
    for (const key of Object.keys(await dumpKv())) await env.LINKS.delete(key);
    expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
    expect(sent.count()).toBe(0);
  });

  test('that gives another flow’s record is not believed', async () => {
    const { finish } = await consented();
    const other = await openLink(broker, authPath(app, 'eve'));
    const records = Object.entries(await dumpKv());
    expect(other.authorizeUrl).not.toBe('');
    for (const [index, [key]] of records.entries()) {
      await env.LINKS.put(key, records[(index + 1) % records.length]?.[1] ?? '');
    }
    expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'alarm', outcome: 'link_record_unreadable' }));
  });
});

const failAt = (at: number, fault: D1Fault) => {
  d1.reset();
  d1.failWhen(({ number }) => (number === at ? fault : undefined));
};
const failFrom = (from: number) => {
  d1.reset();
  d1.failWhen(({ number }) => (number >= from ? 'refused' : undefined));
};

describe('D1 failing', () => {
  test('at auth is said on a page of ours', async () => {
    failFrom(1);
    const response = await changingNothing(() => broker.request(authPath(app, user())));
    const { code } = await readProblem(response);
    expect(code).toBe('storage_unavailable');
    expect(response.headers.get('Retry-After')).toMatch(/^\d+$/);
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  test('while a refused redirect_uri is explained is said too', async () => {
    failFrom(2);
    const response = await broker.request(authPath(app, user(), 'https://evil.example/'));
    expect(await codeOf(response)).toBe('503 storage_unavailable');
  });

  test('at the claim of a state ends on a page of ours, and the code is not spent', async () => {
    const { finish } = await consented();
    failFrom(1);
    expect(await codeOf(await changingNothing(finish))).toBe('503 storage_unavailable');
    expect(sent.count()).toBe(0);
    d1.failWhen(undefined);
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
  });

  test.each([
    [2, 'not sent', 0],
    [3, 'sent once', 1],
    [4, 'sent once', 1],
  ])(
    'from round trip %i of a callback on ends at the app, with nothing kept and the code %s',
    async (from, _, codes) => {
      const { finish } = await consented();
      failFrom(from);
      expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
      expect(sent.count()).toBe(codes);
      d1.failWhen(undefined);
      expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
      expect(sent.count()).toBe(codes);
    },
  );

  test.each(['refused', 'answer_lost'] as const)('once while the quota is asked (%s) is got over', async (fault) => {
    const { finish } = await consented();
    failAt(2, fault);
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect(sent.count()).toBe(1);
  });

  test.each(['refused', 'answer_lost'] as const)('once while the tokens are stored (%s) is got over', async (fault) => {
    const { finish } = await consented();
    failAt(4, fault);
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect(sent.count()).toBe(1);
    expect((await app.call('POST', `/withings/sync/${user()}`)).status).toBe(200);
  });

  test('once while a refusal is noted does not keep the refusal from the app', async () => {
    const { finish } = await consented();
    broker.simulator.state.faults.add({ kind: 'reject', action: 'requesttoken' });
    failAt(3, 'refused');
    expect(errorIn(await changingNothing(finish))).toBe('code_rejected');
  });

  const reads = [
    ['GET', '/withings/status'],
    ['GET', '/withings/connections'],
    ['GET', '/metrics'],

    ['DELETE', '/withings/disconnect'],
  ] as const;

  test.each(reads)('at any step of %s …%s is said, and nothing is changed', async (method, path) => {
    await connect(broker, app, user(), 'nora');
    for (let from = 1; from <= 2; from += 1) {
      failFrom(from);
      const response = await changingNothing(() => app.call(method, `${path}/${user()}`));
      if (response.ok) break;
      expect(await codeOf(response)).toBe('503 storage_unavailable');
    }
    d1.failWhen(undefined);
    expect((await app.call(method, `${path}/${user()}`)).status).toBe(200);
  });

  test('at the tick is logged and leaves everything to the next one', async () => {
    await connect(broker, app, user(), 'nora');
    broker.advance(3 * 3_600_000);
    failFrom(1);
    await changingNothing(() => broker.tick());
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'tick', outcome: 'failed' }));
    d1.failWhen(undefined);
    await broker.tick();
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'refresh', outcome: 'refreshed' }));
  });
});

describe('D1 failing at each step of a sync', () => {
  test.each(['refused', 'answer_lost'] as const)('%s: the next sync makes it whole', async (fault) => {
    await connect(broker, app, user(), 'nora');
    let steps = 0;
    for (let at = 1; ; at += 1) {
      await env.DB.batch(['groups', 'measurements', 'sources'].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
      await env.DB.prepare(`UPDATE connections SET sync_cursor_seconds = 0`).run();
      broker.advance(60_000);
      failAt(at, fault);
      const response = await app.call('POST', `/withings/sync/${user()}`);
      steps = d1.calls();
      d1.failWhen(undefined);
      if (!response.ok) expect(await codeOf(response)).toMatch(/^503 (storage_unavailable|sync_in_progress)$/);
      const again = await app.call('POST', `/withings/sync/${user()}`);
      expect(again.status, `after failing at ${at}`).toBe(200);
      const { measurements, groups } = await dumpState();
      expect([groups?.length, measurements?.length], `after failing at ${at}`).toEqual(whole);
      if (at > steps) break;
    }
    expect(steps).toBeGreaterThanOrEqual(4);
  });

  /** Nora's groups and measurements. */
  const whole = [8, 50];
});

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
import { dumpState } from '../support/dump.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';

/**
 * D1 failing at each step of each route: the answer says what to do, nothing is half done, and the next try succeeds.
 */

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

const consented = async (link = authPath(app, user())) => {
  const { authorizeUrl, cookies } = await openLink(broker, link);
  const url = await consent(broker, authorizeUrl, 'nora');
  const state = new URL(url).searchParams.get('state') ?? '';
  return { state, finish: () => broker.request(url, { headers: { Cookie: cookies } }) };
};

const errorIn = (response: Response) => new URL(response.headers.get('Location') ?? 'none:').searchParams.get('error');

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
    [2, 'while the user’s connection is read'],
    [3, 'while the tokens are stored'],
  ])(
    'from round trip %i of a callback on (%s) ends at the app, with nothing kept and the code sent once',
    async (from) => {
      const { finish } = await consented();
      failFrom(from);
      expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
      expect(sent.count()).toBe(1);
      d1.failWhen(undefined);
      expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
      expect(sent.count()).toBe(1);
    },
  );

  describe.each(['refused', 'answer_lost'] as const)('once at the claim of a state (%s)', (fault) => {
    test('is got over: the callback knows its own claim, and takes its request to Withings', async () => {
      const { finish } = await consented();
      failAt(1, fault);
      expect((await finish()).headers.get('Location')).toBe(WOMOJI);
      expect(sent.count()).toBe(1);
    });

    test('is got over by the link of a connect session too, which is spent then', async () => {
      const url = await app.sessionLink(user());
      const [first, second] = [await consented(url), await consented(url)];
      failAt(1, fault);
      expect((await first.finish()).headers.get('Location')).toBe(WOMOJI);
      expect(errorIn(await second.finish())).toBe('link_not_allowed');
      expect(sent.count()).toBe(1);
    });

    test('is got over where there is no code', async () => {
      const { state } = await consented();
      failAt(1, fault);
      const end = await broker.request(`/withings/callback?error=access_denied&state=${state}`);
      expect(errorIn(end)).toBe('access_denied');
    });
  });

  test('whose answer to a claim is lost for good leaves the code to nobody else', async () => {
    const { finish } = await consented();
    d1.reset();
    d1.failWhen(() => 'answer_lost');
    expect(await codeOf(await finish())).toBe('503 storage_unavailable');
    d1.failWhen(undefined);
    expect(errorIn(await finish())).toBe('temporarily_unavailable');
    expect(sent.count()).toBe(0);
  });

  test('once while the user’s connection is read is got over', async () => {
    const { finish } = await consented();
    failAt(2, 'refused');
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
  });

  test.each(['refused', 'answer_lost'] as const)('once while the tokens are stored (%s) is got over', async (fault) => {
    const { finish } = await consented();
    failAt(3, fault);
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

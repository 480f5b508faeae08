import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { MINUTE_MS } from '../../src/domain/time.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import type { Broker, TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import {
  postPush,
  push,
  pushForm,
  secretOf,
  startWithAda,
  waitingPushes,
  weighNow,
  weightsOf,
} from '../support/pushes.ts';

/** Withings' pushes: what a true one brings, and what one costs that anyone can send. */

const ROOT_KEYS = {
  k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE',
  k2: 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI',
};

const d1 = meterD1(env.DB);
const kv = meterKv(env.LINKS);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;
let ada: Person;
/** Runs once Withings has answered the next question for measurements, and before the broker has the answer. */
let onceAnswered: (() => Promise<void>) | undefined;

beforeEach(async () => {
  d1.failWhen(undefined);
  onceAnswered = undefined;
  ({ broker, app, ada } = await startWithAda({
    bindings: { DB: d1.d1, LINKS: kv.kv },
    fetch: (send) => {
      const counted = sent.wrap(send);
      return async (input, init) => {
        const answer = await counted(input, init);
        const isMeasures = init?.body instanceof URLSearchParams && init.body.get('action') === 'getmeas';
        const run = onceAnswered;
        if (!isMeasures || run === undefined) return answer;
        onceAnswered = undefined;
        await run();
        return answer;
      };
    },
  }));
  reset();
});

const reset = () => [d1, kv, sent].forEach((meter) => meter.reset());
const weights = () => weightsOf(app);
const syncsDone = () => broker.logs.filter(({ event }) => event === 'sync').length;

describe('a push', () => {
  test('about a weigh-in is answered before Withings is asked, and then has it stored', async () => {
    weighNow(broker, ada, 61);
    const answer = await push(broker, ada);
    expect(answer.status).toBe(200);
    expect(sent.count()).toBe(0);
    expect(d1.calls()).toBe(1);
    await broker.settle();
    expect(await weights()).toEqual([61, 60]);
    expect(await waitingPushes()).toEqual([]);
  });

  test('that comes a thousand times for one weigh-in is one or two syncs, and at most two rows', async () => {
    weighNow(broker, ada, 61);
    const before = syncsDone();
    let rows = 0;
    for (let index = 0; index < 1_000; index += 1) {
      expect((await push(broker, ada)).status).toBe(200);
      const noted = d1.statements.filter(({ sql }) => sql.includes('INSERT INTO waiting_pushes'));
      rows += noted.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
      d1.statements.length = 0;
    }
    await broker.settle();
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(2);
    expect(syncsDone() - before).toBeGreaterThanOrEqual(1);
    expect(syncsDone() - before).toBeLessThanOrEqual(2);
    expect(await weights()).toEqual([61, 60]);
    expect(await waitingPushes()).toEqual([]);
  });

  test('that comes while its sync is asking Withings leads to another sync', async () => {
    const secret = await secretOf(broker, ada.userid);
    weighNow(broker, ada, 61);
    // Behind the last question of the sync: the one before it would still find the weigh-in.
    onceAnswered = async () => void (onceAnswered = pushAgain);
    const pushAgain = async () => {
      weighNow(broker, ada, 62);
      await postPush(broker, secret, pushForm(ada.userid, 1));
    };
    await push(broker, ada);
    await broker.settle();
    broker.advance(MINUTE_MS);
    await broker.tick();
    await broker.settle();
    expect(await weights()).toEqual([62, 61, 60]);
    expect(await waitingPushes()).toEqual([]);
  });

  test('that is lost in the middle is pulled by the next tick', async () => {
    weighNow(broker, ada, 61);
    // The invocation dies at its claim.
    d1.failWhen(({ statements }) => (statements.some((sql) => sql.includes('"claim_id" = ?')) ? 'refused' : undefined));
    await push(broker, ada);
    await broker.settle();
    d1.failWhen(undefined);
    expect(await weights()).toEqual([60]);
    broker.advance(MINUTE_MS);
    await broker.tick();
    expect(await weights()).toEqual([61, 60]);
    expect(await waitingPushes()).toEqual([]);
  });

  test('that D1 does not take is answered 503, so that Withings sends it again', async () => {
    d1.failWhen(() => 'refused');
    const answer = await push(broker, ada);
    d1.failWhen(undefined);
    expect(answer.status).toBe(503);
  });

  test('about a person who is not connected any more is answered 404, and leaves nothing', async () => {
    await app.call('DELETE', '/withings/disconnect/ada');
    reset();
    expect((await push(broker, ada)).status).toBe(404);
    expect(d1.rowsWritten()).toBe(0);
    expect(await waitingPushes()).toEqual([]);
  });

  test.each(['16', 'x', ''])('about data of the kind %j, which is not subscribed, touches nothing', async (appli) => {
    const form = new URLSearchParams({ userid: String(ada.userid), appli });
    expect((await postPush(broker, await secretOf(broker, ada.userid), form)).status).toBe(200);
    expect([d1.calls(), kv.operations.length, sent.count()]).toEqual([0, 0, 0]);
  });

  test('to a URL under any key of the ring is taken', async () => {
    broker.deploy({ KEYRING: JSON.stringify({ current: 'k2', keys: ROOT_KEYS }) });
    weighNow(broker, ada, 61);
    const old = await secretOf(broker, ada.userid, 'k1');
    expect(await secretOf(broker, ada.userid)).not.toBe(old);
    expect((await postPush(broker, old, pushForm(ada.userid, 1))).status).toBe(200);
    await broker.settle();
    expect(await weights()).toEqual([61, 60]);
  });
});

describe('what is no push', () => {
  test.each([
    ['HEAD', undefined],
    ['GET', undefined],
    ['POST', ''],
  ])('a %s with the body %j is answered 200 and touches nothing, whatever the secret', async (method, body) => {
    for (const secret of ['x', await secretOf(broker, ada.userid)]) {
      const init = { method, ...(body !== undefined && { body }) };
      const answer = await broker.request(`/withings/notify/${secret}`, init);
      expect(answer.status).toBe(200);
    }
    expect([d1.calls(), kv.operations.length, sent.count()]).toEqual([0, 0, 0]);
  });

  test('ten thousand forged ones cost no call of D1, KV or Withings, and are all answered alike', async () => {
    const true_ = await secretOf(broker, ada.userid);
    const ofAnother = await secretOf(broker, 999_999);
    const forged = [
      ...[ofAnother, 'A'.repeat(43), true_.slice(0, -1), `${true_}A`, 'x'].map(
        (secret) => [secret, ada.userid] as const,
      ),
      ...['1', '', "1' OR 1=1", '9'.repeat(400)].map((userid) => [true_, userid] as const),
    ];
    const answers = new Set<string>();
    for (let index = 0; index < 10_000; index += 1) {
      const [secret, userid] = forged[index % forged.length] ?? ['', ''];
      const answer = await postPush(broker, secret, pushForm(userid, index % 2 === 0 ? 1 : 46));
      const { request_id: _, ...problem } = await answer.json<{ request_id: string }>();
      answers.add(JSON.stringify([answer.status, problem, answer.headers.get('Location')]));
    }
    await broker.settle();
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toMatch(/^\[404,/);
    expect([d1.calls(), kv.operations.length, sent.count()]).toEqual([0, 0, 0]);
  });

  test('none of them leaves its secret in a log line', async () => {
    const secret = await secretOf(broker, ada.userid);
    await push(broker, ada);
    await postPush(broker, secret, pushForm('1', 1));
    await broker.request(`/withings/notify/${secret}`);
    await broker.settle();
    expect(JSON.stringify(broker.logs)).not.toContain(secret);
    expect(broker.logs.some(({ route }) => route === '/withings/notify/:secret')).toBe(true);
  });
});

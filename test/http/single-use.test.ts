import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { sessionMarkExpiresAt } from '../../src/domain/link.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts';
import { type Claim as Mark, claimLink } from '../../src/store/link/claims.ts';
import { type Broker, consent, emptyTables, makeApp, startBroker, type TestApp, WOMOJI } from '../support/broker.ts';
import { browserOf } from '../support/browser.ts';
import { meterD1 } from '../support/d1-meter.ts';

/**
 * What may be used once stays used for as long as anything can still present it, whatever the cron deletes in between:
 * links move the clock here, and the cron sweeps.
 */

let broker: Broker;
let app: TestApp;
let people: { id: string; userid: number }[];

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
  people = [...broker.simulator.state.people.list()];
});

const [OWN, OTHER] = [0, 1];
const consentAs = (at: string, person: number) => consent(broker, at, people[person]?.id ?? '');
/** Time goes by, and the cron deletes what is due. */
const pass = async (ms: number): Promise<void> => {
  broker.advance(ms);
  await broker.tick();
};
const accountOf = (userId: string) =>
  env.DB.prepare('SELECT withings_user_id FROM connections WHERE user_id = ? AND is_current = 1')
    .bind(userId)
    .first<string>('withings_user_id');
const markCount = () => env.DB.prepare('SELECT count(*) AS n FROM claims').first<number>('n');

describe.each(['session', 'confirm', 'open'])('a connect session (%s policy)', (policy) => {
  beforeEach(() => broker.manage('PATCH', `/apps/${app.id}`, { link_policy: policy }));

  /**
   * How a stranger ends who opened the link `openedAt` after it was made and comes back `backAt` after, when it is long
   * used.
   */
  const stranger = async (openedAt: number, backAt: number): Promise<string> => {
    const url = await app.sessionLink('victim');
    const victim = browserOf(broker);
    const finished = await victim(await consentAs(await victim(url), OWN));
    expect(finished.startsWith(policy === 'confirm' ? `${WOMOJI}?ticket=` : WOMOJI)).toBe(true);
    await pass(openedAt);
    const other = browserOf(broker);
    const atWithings = await other(url);
    await pass(backAt - openedAt);
    return other(await consentAs(atWithings, OTHER));
  };

  test.each([
    ['at once', 0, SECOND_MS],
    ['a moment after the session ended', 0, 10 * MINUTE_MS + SECOND_MS],
    ['in the last moment of a state made at once', 0, 30 * MINUTE_MS - SECOND_MS],
    [
      'in the last moment of a state made in the last moment',
      10 * MINUTE_MS - SECOND_MS,
      40 * MINUTE_MS - 2 * SECOND_MS,
    ],
  ])('works once, also for whoever comes back %s', async (_, openedAt, backAt) => {
    const before = Number(people[OWN]?.userid);
    expect(await stranger(openedAt, backAt)).toContain('error=link_not_allowed');
    if (policy !== 'confirm') expect(Number(await accountOf('victim'))).toBe(before);
  });

  test('stays used by whoever tried it in vain', async () => {
    const url = await app.sessionLink('victim');
    const victim = browserOf(broker);
    await victim(await consentAs(await victim(url), OWN));
    for (let tries = 0; tries < 3; tries += 1) {
      const other = browserOf(broker);
      expect(await other(await consentAs(await other(url), OTHER))).toContain('error=link_not_allowed');
    }
  });

  test('is used by a link that Withings refused', async () => {
    const url = await app.sessionLink('victim');
    const [first, second] = [browserOf(broker), browserOf(broker)];
    const made = new URL(await consentAs(await first(url), OWN));
    made.searchParams.set('code', 'made-up');
    expect(await first(made.href)).toContain('error=code_rejected');
    expect(await second(await consentAs(await second(url), OTHER))).toContain('error=link_not_allowed');
  });

  test('stays used where the isolate that sweeps has a clock that is minutes ahead', async () => {
    const url = await app.sessionLink('victim');
    const [victim, other] = [browserOf(broker), browserOf(broker)];
    await victim(await consentAs(await victim(url), OWN));
    const atWithings = await other(url);
    await pass(45 * MINUTE_MS);
    broker.advance(-20 * MINUTE_MS);
    expect(await other(await consentAs(atWithings, OTHER))).toContain('error=link_not_allowed');
  });
});

test('a state works once until it expires, and is too late from then on, however often the cron sweeps', async () => {
  const browser = browserOf(broker);
  const callback = await consentAs(
    await browser(`/apps/${app.id}/withings/auth?user_id=ada&redirect_uri=${WOMOJI}`),
    OWN,
  );
  expect(await browser(callback)).toBe(WOMOJI);
  const asked = () => broker.simulator.state.grants.all().length;
  for (let minutes = 0; minutes < 29; minutes += 1) {
    await pass(MINUTE_MS);
    expect(await browser(callback)).toBe(WOMOJI);
  }
  await pass(2 * MINUTE_MS);
  expect(await browser(callback)).toBe('400');
  expect(asked()).toBe(1);
});

test('a mark is deleted in the end', async () => {
  const browser = browserOf(broker);
  await browser(await consentAs(await browser(await app.sessionLink('victim')), OWN));
  expect(await markCount()).toBe(2);
  await pass(2 * HOUR_MS);
  expect(await markCount()).toBe(0);
});

test('of isolates that compute different times for one mark, one wins', async () => {
  const { db } = await broker.deps();
  const inAnHour = broker.now() + HOUR_MS;
  const claim = (late: number, state: string, session?: Mark) =>
    claimLink(
      db,
      {
        state: { id: state, expiresAt: inAnHour + (session === undefined ? late : 0) },
        session: session && { ...session, minter: {} },
        appId: app.id,
        redirectUriId: '',
        claimant: `callback ${late}`,
      },
      broker.now(),
    );
  const sessionAt = (late: number) => ({ id: 'session', expiresAt: sessionMarkExpiresAt(broker.now() + late) });
  const claims = await Promise.all([0, 1, 2, 3].map((late) => claim(late, `state ${late}`, sessionAt(late))));
  expect(claims.filter((one) => one.ok && one.value.sessionWon)).toHaveLength(1);
  const states = await Promise.all([0, 1, 2, 3].map((late) => claim(late, 'one state')));
  expect(states.filter((one) => one.ok && one.value.won)).toHaveLength(1);
});

test('a ticket is spent by its first use, or by its end, whatever the cron sweeps', async () => {
  await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
  const ticketOf = async () => {
    const browser = browserOf(broker);
    return new URL(
      await browser(await consentAs(await browser(await app.sessionLink('victim')), OWN)),
    ).searchParams.get('ticket');
  };
  const confirm = async (ticket: string | null) =>
    (await app.call('POST', '/withings/confirm', { ticket, user_id: 'victim' })).status;
  const [used, unused] = [await ticketOf(), await ticketOf()];
  expect(await confirm(used)).toBe(200);
  for (const ms of [SECOND_MS, 10 * MINUTE_MS, 5 * MINUTE_MS, HOUR_MS]) {
    await pass(ms);
    expect(await confirm(used)).toBe(404);
  }
  expect(await confirm(unused)).toBe(404);
});

test('what has expired goes in one tick, however much it is, within what an invocation may do', async () => {
  const d1 = meterD1(env.DB);
  const metered = await startBroker({ bindings: { DB: d1.d1 } });
  const many = `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5999)`;
  await env.DB.prepare(`${many} INSERT INTO claims (expires_at, id) SELECT ?1 - i, 'old ' || i FROM n`)
    .bind(metered.now())
    .run();
  await env.DB.prepare(`INSERT INTO claims (expires_at, id) VALUES (?1, 'good')`)
    .bind(metered.now() + 1)
    .run();
  d1.reset();
  await metered.tick();
  const { results } = await env.DB.prepare('SELECT id FROM claims').all();
  expect(results).toEqual([{ id: 'good' }]);
  expect(d1.calls()).toBeLessThanOrEqual(45);
  const lines = metered.logs.filter(({ outcome }) => outcome === 'swept');
  expect(lines.reduce((sum, { count = 0 }) => sum + count, 0)).toBe(6_000);
});

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';

/** Upstreams that cannot answer as asked: too large, too slow, malformed, or without an end. */

const DAY = 86_400;

let broker: Broker;
let app: TestApp;
/** What becomes of an answer of `getmeas`, given the question. */
let answered: (form: URLSearchParams, response: Response, signal: AbortSignal) => Promise<Response>;
/** The questions asked of `getmeas`. */
let asked: URLSearchParams[];

beforeEach(async () => {
  await emptyTables();
  asked = [];
  answered = (_, response) => Promise.resolve(response);
  broker = await startBroker({
    settings: { pageSize: 1_000_000 },
    bindings: { WITHINGS_TIMEOUT_MS: '150' },
    fetch: (send) => async (input, init) => {
      const response = await send(input, init);
      if (!(init?.body instanceof URLSearchParams) || init.body.get('action') !== 'getmeas') return response;
      asked.push(new URLSearchParams(init.body));
      return answered(init.body, response, init.signal ?? new AbortController().signal);
    },
  });
  app = await makeApp(broker);
});

const seconds = () => Math.floor(broker.now() / 1000);

/** A person with a weigh-in (60 kg and up) on each of these days back, connected as `ada`. */
const startPerson = async (daysBack: readonly number[]): Promise<Person> => {
  const userid = broker.simulator.state.people.nextUserid();
  const person = broker.simulator.state.people.add({
    id: 'ada',
    userid,
    name: 'ada',
    description: '',
    timezone: 'UTC',
  });
  if (person === null) throw new Error('taken');
  for (const [index, days] of daysBack.entries()) {
    weigh(person, 60 + index / 100, days);
  }
  await connect(broker, app, 'ada', 'ada');
  return person;
};

/** A weigh-in, stored at Withings a minute later, unless it is said when. */
const weigh = (person: Person, weightKg: number, daysBack: number, created?: number) => {
  const date = seconds() - Math.floor(daysBack * DAY);
  const measures = [{ value: Math.round(weightKg * 1000), type: 1, unit: -3 }];
  const stored = created ?? date + 60;
  const group = { attrib: 0, category: 1, deviceid: null, date, created: stored, modified: stored, measures };
  return broker.simulator.state.weighIns.addGroup(person, group);
};

type SyncAnswer = {
  status: number;
  added: number;
  /** Absent from a problem. */
  skipped?: number;
  complete: boolean;
  history_complete_from: string | null;
};

const sync = async (): Promise<SyncAnswer> => {
  broker.advance(20_000);
  const response = await app.call('POST', '/withings/sync/ada');
  return { ...(await response.json<Omit<SyncAnswer, 'status'>>()), status: response.status };
};

/** Syncs until it is complete; every answer. */
const syncAll = async (most = 60): Promise<SyncAnswer[]> => {
  const answers: SyncAnswer[] = [];
  while (answers.at(-1)?.status !== 200) {
    if (answers.length >= most) throw new Error(`not complete after ${most} syncs`);
    answers.push(await sync());
  }
  return answers;
};

const weights = async (): Promise<number[]> => {
  const answer = await app.call('GET', '/metrics/ada?metric=weight&limit=1000');
  return (await answer.json<{ data: { value: number }[] }>()).data.map(({ value }) => value);
};
const kgOf = (daysBack: readonly number[]) => daysBack.map((_, index) => 60 + index / 100);
const connection = async () => (await app.call('GET', '/withings/connections/ada')).json<Record<string, unknown>>();
const html = () => new Response('<!doctype html><p>Maintenance', { headers: { 'Content-Type': 'text/html' } });

/** Whether a question is about a moment so many days back. */
const covers = (form: URLSearchParams, daysBack: number): boolean => {
  if (!form.has('enddate') || form.has('meastypes')) return false;
  const at = seconds() - daysBack * DAY;
  return Number(form.get('startdate') ?? -Infinity) <= at && at <= Number(form.get('enddate'));
};

const EVERY_TEN_DAYS = Array.from({ length: 300 }, (_, index) => 1 + index * 10);

describe('a history', () => {
  test('that is too large for one answer is read in stretches, and the newest comes first', async () => {
    await startPerson(EVERY_TEN_DAYS);
    const tooLarge: number[] = [];
    answered = async (_, response) => {
      const { body } = await response.clone().json<{ body: { measuregrps: unknown[] } }>();
      if (body.measuregrps.length <= 250) return response;
      tooLarge.push(body.measuregrps.length);
      return new Response(' '.repeat(9 * 2 ** 20));
    };
    const [first, ...others] = await syncAll();
    expect(first).toMatchObject({ status: 202, complete: false });
    expect(first?.history_complete_from).not.toBeNull();
    expect(others.at(-1)).toMatchObject({ complete: true, history_complete_from: null });
    expect(await weights()).toEqual(kgOf(EVERY_TEN_DAYS));
    // The size is kept.
    expect(tooLarge).toHaveLength(1);
    expect([first, ...others].every(({ status } = { status: 0 } as SyncAnswer) => status < 300)).toBe(true);
  });

  test('of which the past is slow gives the newest, says how far it is, and ends', async () => {
    await startPerson(EVERY_TEN_DAYS.slice(0, 120));
    answered = async (form, response, signal) => {
      const isSlow = Number(form.get('startdate') ?? form.get('lastupdate') ?? 0) < seconds() - 700 * DAY;
      if (!isSlow) return response;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw signal.reason;
    };
    const first = await sync();
    expect(first).toMatchObject({ status: 202, added: 9 });
    const latest = await (await app.call('GET', '/metrics/ada/latest')).json();
    expect(latest).toMatchObject({
      data: { weight: { value: 60 } },
      history_complete_from: first.history_complete_from,
    });
    expect(await connection()).toMatchObject({ history_complete_from: first.history_complete_from });
    for (let calls = 0; calls < 4; calls += 1) await sync();
    expect((await weights()).length).toBeGreaterThan(60);
    const answers: SyncAnswer[] = [];
    while (answers.at(-1)?.status !== 200 && answers.length < 120) answers.push(await sync());
    expect(answers.at(-1)).toMatchObject({ status: 200, complete: true });
    expect(answers.reduce((sum, { skipped = 0 }) => sum + skipped, 0)).toBeGreaterThan(0);
    expect(await weights()).toEqual(kgOf(EVERY_TEN_DAYS).slice(0, 70));
  });

  test('with a day that no answer can be made of is read around it, and says so everywhere', async () => {
    await startPerson(EVERY_TEN_DAYS);
    answered = (form, response) => Promise.resolve(covers(form, 1_001) ? html() : response);
    const answers: SyncAnswer[] = [];
    while (answers.at(-1)?.status !== 200 && answers.length < 60) answers.push(await sync());
    await broker.settle();
    expect(await weights()).toEqual(kgOf(EVERY_TEN_DAYS).filter((_, index) => EVERY_TEN_DAYS[index] !== 1_001));
    expect(answers.reduce((sum, { skipped = 0 }) => sum + skipped, 0)).toBe(1);
    expect(broker.logs.filter(({ outcome }) => outcome === 'gap')).toHaveLength(1);
    expect(broker.logs.some(({ event, skipped }) => event === 'sync' && skipped === 1)).toBe(true);
    expect(JSON.stringify((await connection())['timeline'])).toContain('skipped_1');
    expect(broker.logs.filter(({ event }) => event === 'alarm').map(({ outcome }) => outcome)).toEqual([
      'withings_unreadable',
    ]);
  });

  test('during an outage is neither gone around nor forgotten, however long it lasts', async () => {
    await startPerson(EVERY_TEN_DAYS);
    await sync();
    const before = await weights();
    answered = () => Promise.resolve(html());
    for (let calls = 0; calls < 25; calls += 1) expect((await sync()).status).toBe(503);
    expect(await weights()).toEqual(before);
    expect(broker.logs.filter(({ outcome }) => outcome === 'gap')).toEqual([]);
    answered = (_, response) => Promise.resolve(response);
    await syncAll();
    expect(await weights()).toEqual(kgOf(EVERY_TEN_DAYS));
  });

  test('asks at most three times in one sync for what is down', async () => {
    await startPerson([1, 2, 3]);
    answered = () => Promise.resolve(html());
    expect((await sync()).status).toBe(503);
    expect(asked.length).toBeLessThanOrEqual(3);
  });
});

describe('an upstream that says `more` for ever', () => {
  const ENDLESS: [string, (form: URLSearchParams, groups: unknown[]) => [unknown[], number]][] = [
    ['with an offset that does not move', (form, groups) => [groups, Number(form.get('offset') ?? 0) || 10]],
    ['with empty pages', (form, groups) => [form.has('offset') ? [] : groups, Number(form.get('offset') ?? 0) + 10]],
    ['with the same page', (form, groups) => [groups, Number(form.get('offset') ?? 0) + 10]],
  ];

  test.each(ENDLESS)('%s is followed until it brings nothing new', async (_, endless) => {
    const days = EVERY_TEN_DAYS.slice(0, 40);
    const person = await startPerson(days);
    answered = async (form, response) => {
      const envelope = await response.json<{ status: number; body: { measuregrps: unknown[] } }>();
      // It ignores the offset.
      const [measuregrps, offset] = endless(form, envelope.body.measuregrps);
      return Response.json({ ...envelope, body: { ...envelope.body, measuregrps, more: 1, offset } });
    };
    broker.simulator.state.settings.pageSize = 1_000_000;
    await syncAll(8);
    expect(await weights()).toEqual(kgOf(days));
    expect(asked.length).toBeLessThan(25);

    asked = [];
    weigh(person, 90, 0);
    await syncAll(4);
    expect((await weights())[0]).toBe(90);
    expect(asked.length).toBeLessThan(12);
  });
});

describe('changes that cannot be read', () => {
  test('are stood in for by the newest days, until they can be read again', async () => {
    const person = await startPerson([1, 2, 200]);
    await syncAll();
    answered = (form, response) => Promise.resolve(form.has('lastupdate') ? html() : response);
    weigh(person, 90, 0);
    const old = person.groups.all().find(({ measures }) => measures[0]?.value === 60_020);
    broker.simulator.state.weighIns.edit(person, old?.grpid ?? 0, { weightKg: 91 });
    expect((await sync()).status).toBe(503);
    expect(await sync()).toMatchObject({ status: 202, added: 1, complete: false });
    expect((await weights())[0]).toBe(90);
    expect((await sync()).status).toBe(202);
    answered = (_, response) => Promise.resolve(response);
    await syncAll(3);
    expect(await weights()).toEqual([90, 60, 60.01, 91]);
  });

  test('because they are too large are read with everything else, by stretches', async () => {
    const person = await startPerson([1, 2, 200]);
    await syncAll();
    broker.advance(2 * DAY * 1000);
    // Imported at once, from elsewhere.
    for (const days of EVERY_TEN_DAYS) weigh(person, 80, days + 0.5, seconds());
    answered = async (form, response) =>
      form.has('lastupdate') && (await response.clone().text()).length > 20_000
        ? new Response(' '.repeat(9 * 2 ** 20))
        : response;
    const answers = await syncAll();
    expect(answers.every(({ status }) => status < 300)).toBe(true);
    expect(await weights()).toHaveLength(303);
    // What was imported is still within the day that the next question overlaps: the newest is there, and a day later all is well.
    expect((await sync()).status).toBe(503);
    expect((await sync()).status).toBe(202);
    broker.advance(2 * DAY * 1000);
    await syncAll();
    asked = [];
    await sync();
    expect(asked.length).toBeLessThanOrEqual(2);
  });
});

describe('a position of an earlier release, in the middle of a read from the oldest on', () => {
  const store = async (position: { cursor: number; resume: unknown }) =>
    env.DB.prepare('UPDATE connections SET sync_cursor_seconds = ?1, sync_resume = ?2, sync_resume_at = 1')
      .bind(position.cursor, position.resume === undefined ? null : JSON.stringify(position.resume))
      .run();

  test('by cursor goes on to the end', async () => {
    await startPerson(EVERY_TEN_DAYS.slice(0, 40));
    await store({ cursor: seconds() - 201 * DAY, resume: undefined });
    broker.simulator.state.settings.pageSize = 7;
    await syncAll();
    // What came before the cursor was stored by that release.
    expect(await weights()).toEqual(kgOf(EVERY_TEN_DAYS.slice(0, 21)));
  });

  test('by offset, before any cursor, begins with the newest', async () => {
    await startPerson(EVERY_TEN_DAYS.slice(0, 40));
    await store({ cursor: 0, resume: { lastUpdateSeconds: 18, offset: 14, newestSeconds: 99 } });
    broker.simulator.state.settings.pageSize = 7;
    await sync();
    expect((await weights())[0]).toBe(60);
    await syncAll();
    expect(await weights()).toEqual(kgOf(EVERY_TEN_DAYS.slice(0, 40)));
  });
});

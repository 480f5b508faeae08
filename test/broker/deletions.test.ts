import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';

const DAY = 86_400;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let broker: Broker;
let app: TestApp;
/** What the simulated Withings does between one answer and the next. */
let beforeAnswer: ((form: URLSearchParams) => void) | undefined;

beforeEach(async () => {
  await emptyTables();
  beforeAnswer = undefined;
  broker = await startBroker({
    fetch: (send) => (input, init) => {
      if (init?.body instanceof URLSearchParams) beforeAnswer?.(init.body);
      return send(input, init);
    },
  });
  app = await makeApp(broker);
});

type SyncAnswer = { added: number; changed: number; removed: number; complete: boolean };

const sync = async (user = 'ada') => {
  broker.advance(20_000);
  const response = await app.call('POST', `/withings/sync/${user}`);
  return { status: response.status, ...(await response.json<SyncAnswer>()) };
};
const weights = async (user = 'ada') => {
  const answer = await app.call('GET', `/metrics/${user}?metric=weight&limit=1000&include=ambiguous`);
  return (await answer.json<{ data: { value: number }[] }>()).data.map(({ value }) => value);
};
const seconds = () => Math.floor(broker.now() / 1000);
const missingGroups = async () =>
  (await env.DB.prepare('SELECT group_id FROM groups WHERE missing_since IS NOT NULL').all()).results.length;

/** A person whose weigh-ins (weight only, 60 kg and up) lie so many days back, connected and synced as `ada`. */
const startPerson = async (daysBack: readonly number[], user = 'ada') => {
  const person = broker.simulator.state.people.add({
    id: user,
    userid: broker.simulator.state.people.nextUserid(),
    name: user,
    description: '',
    timezone: 'Europe/Oslo',
  });
  if (person === null) throw new Error('taken');
  const groups = daysBack.flatMap((days, index) =>
    broker.simulator.state.weighIns.add(person, {
      weightKg: 60 + index,
      date: seconds() - days * DAY,
      weightOnly: true,
    }),
  );
  await connect(broker, app, user, user);
  const first = await sync(user);
  expect(first).toMatchObject({ status: 200, complete: true, added: daysBack.length });
  return { person, ids: groups.map(({ grpid }) => grpid) };
};

describe('a deletion at Withings', () => {
  test('is not believed at once; the second sync that misses it removes it', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    person.groups.remove(ids[1] ?? 0);
    expect(await sync()).toMatchObject({ removed: 0 });
    expect(await weights()).toEqual([60, 61, 62]);
    expect(await sync()).toMatchObject({ removed: 1, added: 0, changed: 0 });
    expect(await weights()).toEqual([60, 62]);
    expect(await sync()).toMatchObject({ removed: 0, added: 0, changed: 0 });
    expect((await env.DB.prepare('SELECT count(*) AS n FROM groups').first<{ n: number }>())?.n).toBe(2);
  });

  test('is confirmed by the cron a minute later, without another call', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    person.groups.remove(ids[0] ?? 0);
    await sync();
    await broker.tick();
    expect(await weights()).toEqual([60, 61, 62]);
    broker.advance(2 * MINUTE_MS);
    await broker.tick();
    expect(await weights()).toEqual([61, 62]);
    const calls = broker.simulator.state.calls.list().length;
    broker.advance(2 * MINUTE_MS);
    await broker.tick();
    expect(broker.simulator.state.calls.list().length).toBe(calls);
  });

  test('of the only weigh-in in the last days is found in a wider window', async () => {
    const { person, ids } = await startPerson([5, 50, 100]);
    person.groups.remove(ids[0] ?? 0);
    for (let calls = 0; calls < 8; calls += 1) await sync();
    expect(await weights()).toEqual([61, 62]);
  });

  test('of something old is found by the cron, a window a day', async () => {
    const days = Array.from({ length: 40 }, (_, index) => 5 + 9 * index);
    const { person, ids } = await startPerson(days);
    person.groups.remove(ids[35] ?? 0);
    for (let day = 0; day < 12; day += 1) {
      broker.advance(DAY * 1000);
      for (let minute = 0; minute < 3; minute += 1) {
        await broker.tick();
        broker.advance(11 * MINUTE_MS);
      }
    }
    expect(await weights()).toEqual(days.map((_, index) => 60 + index).filter((kg) => kg !== 95));
  });

  test('of a weigh-in dated ahead of now is found, however far', async () => {
    const { person, ids } = await startPerson([-400, -2, 1, 3]);
    person.groups.remove(ids[0] ?? 0);
    person.groups.remove(ids[1] ?? 0);
    await sync();
    await sync();
    expect(await weights()).toEqual([62, 63]);
  });

  test('is found beside a value and a group that cannot be read, which stay', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    const [, , third] = person.groups.all().toSorted((a, b) => b.date - a.date);
    const whole = person.groups.get(ids[0] ?? 0);
    if (third === undefined || whole === undefined) throw new Error('no group');
    const broken = {
      attrib: 0,
      category: 1,
      deviceid: null,
      date: third.date,
      created: third.date,
      modified: third.date,
    };
    broker.simulator.state.weighIns.addGroup(person, { ...broken, measures: [{ value: 80.5, type: 1, unit: 0 }] });
    // Stored here already, and too broken to read from now on: it is there, all the same.
    person.groups.add([{ ...whole, attrib: 'x' as unknown as number }]);
    person.groups.remove(ids[1] ?? 0);
    for (let calls = 0; calls < 3; calls += 1) await sync();
    expect(await weights()).toEqual([60, 62]);
  });

  test('of the only height is found, by an answer that shows weights', async () => {
    const { person } = await startPerson([1, 2, 3]);
    const height = broker.simulator.state.weighIns.addHeight(person, 1.8, seconds() - 5 * DAY);
    await sync();
    const heights = async () =>
      (await (await app.call('GET', '/metrics/ada?metric=height,bmi')).json<{ data: unknown[] }>()).data.length;
    expect(await heights()).toBe(4);
    person.groups.remove(height.grpid);
    expect(await sync()).toMatchObject({ removed: 0 });
    expect(await sync()).toMatchObject({ removed: 1 });
    expect(await heights()).toBe(0);
  });

  test('of the only weigh-in is found, by an answer that shows a height', async () => {
    const { person, ids } = await startPerson([1]);
    broker.simulator.state.weighIns.addHeight(person, 1.8, seconds() - 5 * DAY);
    await sync();
    person.groups.remove(ids[0] ?? 0);
    await sync();
    await sync();
    expect(await weights()).toEqual([]);
  });

  test('of a whole weigh-in is found if one of its kinds is seen elsewhere', async () => {
    const { person } = await startPerson([1, 2, 3]);
    const scan = broker.simulator.state.weighIns.add(person, {
      weightKg: 70,
      device: 'body_scan',
      date: seconds() - 2 * DAY,
    });
    await sync();
    for (const { grpid } of scan) person.groups.remove(grpid);
    await sync();
    await sync();
    expect(await weights()).toEqual([60, 61, 62]);
  });

  test('takes the group’s mark away again when it is seen after all', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    const group = person.groups.get(ids[1] ?? 0);
    person.groups.remove(ids[1] ?? 0);
    await sync();
    expect(await missingGroups()).toBe(1);
    if (group !== undefined) person.groups.add([group]);
    expect(await sync()).toMatchObject({ added: 0, changed: 0, removed: 0 });
    expect(await missingGroups()).toBe(0);
    person.groups.remove(ids[1] ?? 0);
    expect(await sync()).toMatchObject({ removed: 0 });
    expect(await weights()).toEqual([60, 61, 62]);
  });

  test('is undone when the group comes back later', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    const group = person.groups.get(ids[1] ?? 0);
    person.groups.remove(ids[1] ?? 0);
    await sync();
    await sync();
    expect(await weights()).toEqual([60, 62]);
    if (group !== undefined) person.groups.add([group]);
    expect(await sync()).toMatchObject({ added: 1 });
    expect(await weights()).toEqual([60, 61, 62]);
  });

  test('a weigh-in that becomes a goal is a weight no more', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    person.groups.edit(ids[1] ?? 0, { category: 2 }, seconds());
    expect(await sync()).toMatchObject({ removed: 1 });
    expect(await weights()).toEqual([60, 62]);
  });
});

describe('what looks like a deletion and is none', () => {
  const syncMany = async () => {
    for (let calls = 0; calls < 6; calls += 1) {
      await sync();
      broker.advance(2 * MINUTE_MS);
      await broker.tick();
    }
  };

  test('an account whose sharing is paused, and an empty answer', async () => {
    const { person } = await startPerson([1, 2, 3, 40, 200]);
    person.sharingPaused = true;
    await syncMany();
    expect(await weights()).toEqual([60, 61, 62, 63, 64]);
    expect(await missingGroups()).toBe(0);
    person.sharingPaused = false;
    await syncMany();
    expect(await weights()).toEqual([60, 61, 62, 63, 64]);
  });

  test('a kind of measure that is hidden from now on', async () => {
    const { person } = await startPerson([1, 2, 3]);
    const cuff = {
      attrib: 0,
      category: 1,
      deviceid: null,
      measures: [
        { value: 80, type: 9, unit: 0 },
        { value: 120, type: 10, unit: 0 },
      ],
    };
    for (const days of [1, 2]) {
      const date = seconds() - days * DAY;
      broker.simulator.state.weighIns.addGroup(person, { ...cuff, date, created: seconds(), modified: seconds() });
    }
    expect(await sync()).toMatchObject({ added: 4 });
    for (const { grpid, measures } of person.groups.all()) {
      if (measures.some(({ type }) => type === 9)) person.groups.remove(grpid);
    }
    await syncMany();
    const pressure = await app.call('GET', '/metrics/ada?metric=systolic_blood_pressure');
    expect((await pressure.json<{ data: unknown[] }>()).data).toHaveLength(2);
  });

  test('a kind of a newer device that is hidden from now on, though there was one reading of it', async () => {
    const { person } = await startPerson([1, 2, 3]);
    const date = seconds() - DAY;
    const nerves = { attrib: 0, category: 1, deviceid: null, measures: [{ value: 70, type: 196, unit: 0 }] };
    broker.simulator.state.weighIns.addGroup(person, { ...nerves, date, created: date, modified: seconds() });
    expect(await sync()).toMatchObject({ added: 1 });
    for (const { grpid, measures } of person.groups.all()) {
      if (measures.some(({ type }) => type === 196)) person.groups.remove(grpid);
    }
    await syncMany();
    const answer = await app.call('GET', '/metrics/ada?metric=all');
    const { data } = await answer.json<{ data: { metric: string }[] }>();
    expect(data.map(({ metric }) => metric)).toContain('electrodermal_activity_feet');
  });

  test('an account whose sharing is paused, of which the only height and the only weigh-in are stored', async () => {
    const { person } = await startPerson([1]);
    broker.simulator.state.weighIns.addHeight(person, 1.8, seconds() - 5 * DAY);
    await sync();
    person.sharingPaused = true;
    await syncMany();
    expect(await weights()).toEqual([60]);
    expect(await missingGroups()).toBe(0);
  });

  test('a measure that is hidden within a group from now on', async () => {
    const { person } = await startPerson([1, 2, 3]);
    const [scan] = broker.simulator.state.weighIns.add(person, { weightKg: 70 });
    await sync();
    const shown = person.groups.get(scan?.grpid ?? 0);
    if (shown === undefined) throw new Error('no group');
    person.groups.add([{ ...shown, measures: shown.measures.filter(({ type }) => type === 1) }]);
    broker.advance(10 * MINUTE_MS);
    // Past the overlap of the changes, so that only the window shows it.
    broker.simulator.state.weighIns.add(person, { weightKg: 71, weightOnly: true });
    await sync();
    await syncMany();
    const muscle = await app.call('GET', '/metrics/ada?metric=muscle_mass');
    expect((await muscle.json<{ data: unknown[] }>()).data).toHaveLength(1);
  });

  test('a scope that the person narrowed', async () => {
    const { person } = await startPerson([1, 2, 3]);
    person.allowedScopes = ['user.info'];
    broker.advance(MINUTE_MS);
    const refused = await app.call('POST', '/withings/sync/ada');
    expect(refused.status).toBe(409);
    expect(await weights()).toEqual([60, 61, 62]);
    expect(await missingGroups()).toBe(0);
  });

  test('pages that shift under the read, each time', async () => {
    const { person } = await startPerson(Array.from({ length: 14 }, (_, index) => index + 1));
    broker.simulator.state.settings.pageSize = 5;
    for (let calls = 0; calls < 4; calls += 1) await sync();
    const all = await weights();
    let shifts = 0;
    const reviews: URLSearchParams[] = [];
    let takenOut: ReturnType<typeof person.groups.get>;
    beforeAnswer = (form) => {
      if (takenOut !== undefined) person.groups.add([takenOut]);
      takenOut = undefined;
      if (form.has('startdate')) reviews.push(new URLSearchParams(form));
      if (!form.has('offset')) return;
      // Between two pages of one answer the newest group is not there, and what follows moves up: one group slips past the reader.
      shifts += 1;
      takenOut = person.groups.all().toSorted((a, b) => b.date - a.date)[0];
      if (takenOut !== undefined) person.groups.remove(takenOut.grpid);
    };
    for (let calls = 0; calls < 12; calls += 1) {
      await sync();
      if (takenOut !== undefined) person.groups.add([takenOut]);
      takenOut = undefined;
    }
    expect(shifts).toBeGreaterThan(3);
    // Reviews read one page and no more, so that nothing can shift; the window shrinks until it fits.
    expect(reviews.length).toBeGreaterThan(3);
    expect(reviews.filter((form) => form.has('offset'))).toEqual([]);
    expect(await weights()).toEqual(all);
    expect(await missingGroups()).toBe(0);
  });

  test('weigh-ins that arrive while the window is read', async () => {
    const { person } = await startPerson([1, 2, 3]);
    beforeAnswer = (form) => {
      if (!form.has('startdate')) return;
      broker.simulator.state.weighIns.add(person, { weightKg: 80, date: seconds() - 5 * DAY, weightOnly: true });
    };
    await sync();
    await sync();
    await sync();
    beforeAnswer = undefined;
    await sync();
    expect((await weights()).toSorted((a, b) => a - b)).toEqual([60, 61, 62, 80, 80, 80]);
    expect(await missingGroups()).toBe(0);
  });

  test('a weigh-in moved out of the window between the two reads of a sync', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    let moved = 0;
    beforeAnswer = (form) => {
      if (!form.has('startdate') || moved > 2) return;
      moved += 1;
      person.groups.edit(ids[0] ?? 0, { date: seconds() - (300 + moved) * DAY }, seconds());
    };
    await sync();
    expect(await weights()).toHaveLength(3);
    await sync();
    await sync();
    await sync();
    expect(await weights()).toHaveLength(3);
    expect(await missingGroups()).toBe(0);
  });

  test('a change of the Withings account leaves the old history as it was', async () => {
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'open' });
    await startPerson([1, 2, 3]);
    const rows = async () =>
      (await env.DB.prepare('SELECT connection_id, group_id, missing_since FROM groups ORDER BY 1, 2').all()).results;
    const before = await rows();
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    const pending = await connect(broker, app, 'ada', 'nora');
    const ticket = new URL(pending.headers.get('Location') ?? '').searchParams.get('ticket');
    const confirmed = await app.call('POST', '/withings/confirm', { ticket, user_id: 'ada' });
    expect(confirmed.status).toBe(200);
    await syncMany();
    const after = await rows();
    expect(after.length).toBeGreaterThan(before.length);
    expect(after).toEqual(expect.arrayContaining(before));
  });

  test('a window that Withings does not answer', async () => {
    const { person, ids } = await startPerson([1, 2, 3]);
    person.groups.remove(ids[0] ?? 0);
    for (let calls = 0; calls < 3; calls += 1) {
      beforeAnswer = (form) => {
        if (form.has('startdate')) broker.simulator.state.faults.add({ kind: 'html', action: 'getmeas' });
      };
      expect(await sync()).toMatchObject({ status: 200, complete: true, removed: 0 });
    }
    expect(await weights()).toHaveLength(3);
  });
});

test('a move to another time zone leaves what was measured before in the old one', async () => {
  const { person } = await startPerson([1, 2, 3]);
  person.timezone = 'Asia/Tokyo';
  broker.simulator.state.weighIns.add(person, { weightKg: 70, weightOnly: true });
  expect(await sync()).toMatchObject({ added: 1, changed: 0 });
  expect(await sync()).toMatchObject({ added: 0, changed: 0 });
  const answer = await app.call('GET', '/metrics/ada?metric=weight');
  const { data } = await answer.json<{ data: { measured_at: string }[] }>();
  expect(data.map(({ measured_at: at }) => at.slice(-6))).toEqual(['+09:00', '+02:00', '+02:00', '+02:00']);
});

test('the cron leaves a connection alone that nobody uses', async () => {
  await startPerson([1, 2, 3]);
  broker.advance(15 * DAY * 1000);
  const calls = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas').length;
  const before = calls();
  await broker.tick();
  expect(calls()).toBe(before);
});

test('the cron leaves a connection alone that has no measurement yet, and reviews it once it has one', async () => {
  const questions = () => broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas').length;
  const { person } = await startPerson([]);
  const due = await env.DB.prepare('SELECT next_review_at AS at FROM connections').first();
  expect(due).toEqual({ at: null });
  // As an earlier release left it.
  await env.DB.prepare('UPDATE connections SET next_review_at = 1').run();
  const before = questions();
  for (let hour = 0; hour < 30; hour += 1) {
    await broker.tick();
    broker.advance(HOUR_MS);
  }
  expect(questions()).toBe(before);
  broker.simulator.state.weighIns.add(person, { weightKg: 60, date: seconds() - DAY, weightOnly: true });
  expect(await sync()).toMatchObject({ added: 1 });
  const synced = questions();
  for (let hour = 0; hour < 30; hour += 1) {
    await broker.tick();
    broker.advance(HOUR_MS);
  }
  // What is new, and one window.
  expect(questions()).toBe(synced + 2);
});

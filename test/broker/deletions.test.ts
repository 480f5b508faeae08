import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type Deletions, startDeletions } from '../support/deletions.ts';
import { addBareGroup, DAY } from '../support/people.ts';

/** Weigh-ins that were deleted or moved at Withings, and when the cron looks for them. */

let deletions: Deletions;

beforeEach(async () => {
  deletions = await startDeletions();
});

describe('a deletion at Withings', () => {
  test('is not believed at once; the second sync that misses it removes it', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    person.groups.remove(ids[1] ?? 0);
    expect(await deletions.sync()).toMatchObject({ removed: 0 });
    expect(await deletions.weights()).toEqual([60, 61, 62]);
    expect(await deletions.sync()).toMatchObject({ removed: 1, added: 0, changed: 0 });
    expect(await deletions.weights()).toEqual([60, 62]);
    expect(await deletions.sync()).toMatchObject({ removed: 0, added: 0, changed: 0 });
    expect((await env.DB.prepare('SELECT count(*) AS n FROM groups').first<{ n: number }>())?.n).toBe(2);
  });

  test('is found too if a sync stores one page', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    deletions.broker.deploy({ SYNC_PAGES_PER_SLICE: '1' });
    person.groups.remove(ids[1] ?? 0);
    for (const removed of [0, 1]) expect(await deletions.sync()).toMatchObject({ complete: true, removed });
    expect(await deletions.weights()).toEqual([60, 62]);
  });

  test('is confirmed by the cron a minute later, without another call', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    person.groups.remove(ids[0] ?? 0);
    await deletions.sync();
    await deletions.broker.tick();
    expect(await deletions.weights()).toEqual([60, 61, 62]);
    deletions.broker.advance(2 * MINUTE_MS);
    await deletions.broker.tick();
    expect(await deletions.weights()).toEqual([61, 62]);
    const calls = deletions.broker.simulator.state.calls.list().length;
    deletions.broker.advance(2 * MINUTE_MS);
    await deletions.broker.tick();
    expect(deletions.broker.simulator.state.calls.list().length).toBe(calls);
  });

  test('of the only weigh-in in the last days is found in a wider window', async () => {
    const { person, ids } = await deletions.startPerson([5, 50, 100]);
    person.groups.remove(ids[0] ?? 0);
    for (let calls = 0; calls < 8; calls += 1) await deletions.sync();
    expect(await deletions.weights()).toEqual([61, 62]);
  });

  test('of something old is found by the cron, a window a day', async () => {
    const days = Array.from({ length: 40 }, (_, index) => 5 + 9 * index);
    const { person, ids } = await deletions.startPerson(days);
    person.groups.remove(ids[35] ?? 0);
    for (let day = 0; day < 12; day += 1) {
      deletions.broker.advance(DAY * 1000);
      for (let minute = 0; minute < 3; minute += 1) {
        await deletions.broker.tick();
        deletions.broker.advance(11 * MINUTE_MS);
      }
    }
    expect(await deletions.weights()).toEqual(days.map((_, index) => 60 + index).filter((kg) => kg !== 95));
  });

  test('of a weigh-in dated ahead of now is found, however far', async () => {
    const { person, ids } = await deletions.startPerson([-400, -2, 1, 3]);
    person.groups.remove(ids[0] ?? 0);
    person.groups.remove(ids[1] ?? 0);
    await deletions.sync();
    await deletions.sync();
    expect(await deletions.weights()).toEqual([62, 63]);
  });

  test('is found beside a value and a group that cannot be read, which stay', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    const [, , third] = person.groups.all().toSorted((a, b) => b.date - a.date);
    const whole = person.groups.get(ids[0] ?? 0);
    if (third === undefined || whole === undefined) throw new Error('no group');
    addBareGroup(deletions.broker, person, { date: third.date, measures: [{ value: 80.5, type: 1, unit: 0 }] });
    // Stored here already, and too broken to read from now on: it is there, all the same.
    person.groups.add([{ ...whole, attrib: 'x' as unknown as number }]);
    person.groups.remove(ids[1] ?? 0);
    for (let calls = 0; calls < 3; calls += 1) await deletions.sync();
    expect(await deletions.weights()).toEqual([60, 62]);
  });

  test('of the only height is found, by an answer that shows weights', async () => {
    const { person } = await deletions.startPerson([1, 2, 3]);
    const height = deletions.broker.simulator.state.weighIns.addHeight(person, 1.8, deletions.seconds() - 5 * DAY);
    await deletions.sync();
    const heights = async () =>
      (await (await deletions.app.call('GET', '/metrics/ada?metric=height,bmi')).json<{ data: unknown[] }>()).data
        .length;
    expect(await heights()).toBe(4);
    person.groups.remove(height.grpid);
    expect(await deletions.sync()).toMatchObject({ removed: 0 });
    expect(await deletions.sync()).toMatchObject({ removed: 1 });
    expect(await heights()).toBe(0);
  });

  test('of the only weigh-in is found, by an answer that shows a height', async () => {
    const { person, ids } = await deletions.startPerson([1]);
    deletions.broker.simulator.state.weighIns.addHeight(person, 1.8, deletions.seconds() - 5 * DAY);
    await deletions.sync();
    person.groups.remove(ids[0] ?? 0);
    await deletions.sync();
    await deletions.sync();
    expect(await deletions.weights()).toEqual([]);
  });

  test('of a whole weigh-in is found if one of its kinds is seen elsewhere', async () => {
    const { person } = await deletions.startPerson([1, 2, 3]);
    const scan = deletions.broker.simulator.state.weighIns.add(person, {
      weightKg: 70,
      device: 'body_scan',
      date: deletions.seconds() - 2 * DAY,
    });
    await deletions.sync();
    for (const { grpid } of scan) person.groups.remove(grpid);
    await deletions.sync();
    await deletions.sync();
    expect(await deletions.weights()).toEqual([60, 61, 62]);
  });

  test('takes the group’s mark away again when it is seen after all', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    const group = person.groups.get(ids[1] ?? 0);
    person.groups.remove(ids[1] ?? 0);
    await deletions.sync();
    expect(await deletions.missingGroups()).toBe(1);
    if (group !== undefined) person.groups.add([group]);
    expect(await deletions.sync()).toMatchObject({ added: 0, changed: 0, removed: 0 });
    expect(await deletions.missingGroups()).toBe(0);
    person.groups.remove(ids[1] ?? 0);
    expect(await deletions.sync()).toMatchObject({ removed: 0 });
    expect(await deletions.weights()).toEqual([60, 61, 62]);
  });

  test('is undone when the group comes back later', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    const group = person.groups.get(ids[1] ?? 0);
    person.groups.remove(ids[1] ?? 0);
    await deletions.sync();
    await deletions.sync();
    expect(await deletions.weights()).toEqual([60, 62]);
    if (group !== undefined) person.groups.add([group]);
    expect(await deletions.sync()).toMatchObject({ added: 1 });
    expect(await deletions.weights()).toEqual([60, 61, 62]);
  });

  test('a weigh-in that becomes a goal is a weight no more', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    person.groups.edit(ids[1] ?? 0, { category: 2 }, deletions.seconds());
    expect(await deletions.sync()).toMatchObject({ removed: 1 });
    expect(await deletions.weights()).toEqual([60, 62]);
  });
});

test('a move to another time zone leaves what was measured before in the old one', async () => {
  const { person } = await deletions.startPerson([1, 2, 3]);
  person.timezone = 'Asia/Tokyo';
  deletions.broker.simulator.state.weighIns.add(person, { weightKg: 70, weightOnly: true });
  expect(await deletions.sync()).toMatchObject({ added: 1, changed: 0 });
  expect(await deletions.sync()).toMatchObject({ added: 0, changed: 0 });
  const answer = await deletions.app.call('GET', '/metrics/ada?metric=weight');
  const { data } = await answer.json<{ data: { measured_at: string }[] }>();
  expect(data.map(({ measured_at: at }) => at.slice(-6))).toEqual(['+09:00', '+02:00', '+02:00', '+02:00']);
});

test('the cron leaves a connection alone that nobody uses and that had no data for a month', async () => {
  await deletions.startPerson([1, 2, 3]);
  for (let hour = 0; hour < 8; hour += 1) {
    deletions.broker.advance(HOUR_MS);
    await deletions.broker.tick();
  }
  deletions.broker.advance(31 * DAY * 1000);
  const calls = () => deletions.broker.simulator.state.calls.list().filter(({ action }) => action === 'getmeas').length;
  const before = calls();
  await deletions.broker.tick();
  expect(calls()).toBe(before);
});

test('the cron reviews no connection that has no measurement yet, and one as soon as it has', async () => {
  const windows = () =>
    deletions.broker.simulator.state.calls
      .list()
      .filter(({ action, params }) => action === 'getmeas' && params['startdate'] !== undefined).length;
  const { person } = await deletions.startPerson([]);
  expect(await env.DB.prepare('SELECT next_review_at AS at FROM connections').first()).toEqual({ at: null });
  deletions.broker.simulator.state.weighIns.add(person, {
    weightKg: 60,
    date: deletions.seconds() - DAY,
    weightOnly: true,
  });
  expect(await deletions.sync()).toMatchObject({ added: 1 });
  const synced = windows();
  for (let hour = 0; hour < 30; hour += 1) {
    await deletions.broker.tick();
    deletions.broker.advance(HOUR_MS);
  }
  expect(windows()).toBe(synced + 1);
});

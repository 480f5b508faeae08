import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { MINUTE_MS } from '../../src/domain/time.ts';
import { connect } from '../support/broker.ts';
import { type Deletions, startDeletions } from '../support/deletions.ts';
import { addBareGroup, DAY } from '../support/people.ts';

/** What is not shown any more at Withings for another reason than a deletion. */

let deletions: Deletions;

beforeEach(async () => {
  deletions = await startDeletions();
});

describe('what looks like a deletion and is none', () => {
  const syncMany = async () => {
    for (let calls = 0; calls < 6; calls += 1) {
      await deletions.sync();
      deletions.broker.advance(2 * MINUTE_MS);
      await deletions.broker.tick();
    }
  };

  test('an account whose sharing is paused, and an empty answer', async () => {
    const { person } = await deletions.startPerson([1, 2, 3, 40, 200]);
    person.sharingPaused = true;
    await syncMany();
    expect(await deletions.weights()).toEqual([60, 61, 62, 63, 64]);
    expect(await deletions.missingGroups()).toBe(0);
    person.sharingPaused = false;
    await syncMany();
    expect(await deletions.weights()).toEqual([60, 61, 62, 63, 64]);
  });

  test('a kind of measure that is hidden from now on', async () => {
    const { person } = await deletions.startPerson([1, 2, 3]);
    const now = deletions.seconds();
    const measures = [
      { value: 80, type: 9, unit: 0 },
      { value: 120, type: 10, unit: 0 },
    ];
    for (const days of [1, 2]) {
      addBareGroup(deletions.broker, person, { date: now - days * DAY, created: now, measures });
    }
    expect(await deletions.sync()).toMatchObject({ added: 4 });
    for (const { grpid, measures } of person.groups.all()) {
      if (measures.some(({ type }) => type === 9)) person.groups.remove(grpid);
    }
    await syncMany();
    const pressure = await deletions.app.call('GET', '/metrics/ada?metric=systolic_blood_pressure');
    expect((await pressure.json<{ data: unknown[] }>()).data).toHaveLength(2);
  });

  test('a kind of a newer device that is hidden from now on, though there was one reading of it', async () => {
    const { person } = await deletions.startPerson([1, 2, 3]);
    addBareGroup(deletions.broker, person, {
      date: deletions.seconds() - DAY,
      modified: deletions.seconds(),
      measures: [{ value: 70, type: 196, unit: 0 }],
    });
    expect(await deletions.sync()).toMatchObject({ added: 1 });
    for (const { grpid, measures } of person.groups.all()) {
      if (measures.some(({ type }) => type === 196)) person.groups.remove(grpid);
    }
    await syncMany();
    const answer = await deletions.app.call('GET', '/metrics/ada?metric=all');
    const { data } = await answer.json<{ data: { metric: string }[] }>();
    expect(data.map(({ metric }) => metric)).toContain('electrodermal_activity_feet');
  });

  test('an account whose sharing is paused, of which the only height and the only weigh-in are stored', async () => {
    const { person } = await deletions.startPerson([1]);
    deletions.broker.simulator.state.weighIns.addHeight(person, 1.8, deletions.seconds() - 5 * DAY);
    await deletions.sync();
    person.sharingPaused = true;
    await syncMany();
    expect(await deletions.weights()).toEqual([60]);
    expect(await deletions.missingGroups()).toBe(0);
  });

  test('a measure that is hidden within a group from now on', async () => {
    const { person } = await deletions.startPerson([1, 2, 3]);
    const [scan] = deletions.broker.simulator.state.weighIns.add(person, { weightKg: 70 });
    await deletions.sync();
    const shown = person.groups.get(scan?.grpid ?? 0);
    if (shown === undefined) throw new Error('no group');
    person.groups.add([{ ...shown, measures: shown.measures.filter(({ type }) => type === 1) }]);
    deletions.broker.advance(10 * MINUTE_MS);
    // Past the overlap of the changes, so that only the window shows it.
    deletions.broker.simulator.state.weighIns.add(person, { weightKg: 71, weightOnly: true });
    await deletions.sync();
    await syncMany();
    const muscle = await deletions.app.call('GET', '/metrics/ada?metric=muscle_mass');
    expect((await muscle.json<{ data: unknown[] }>()).data).toHaveLength(1);
  });

  test('a scope that the person narrowed', async () => {
    const { person } = await deletions.startPerson([1, 2, 3]);
    person.allowedScopes = ['user.info'];
    deletions.broker.advance(MINUTE_MS);
    const refused = await deletions.app.call('POST', '/withings/sync/ada');
    expect(refused.status).toBe(409);
    expect(await deletions.weights()).toEqual([60, 61, 62]);
    expect(await deletions.missingGroups()).toBe(0);
  });

  test('pages that shift under the read, each time', async () => {
    const { person } = await deletions.startPerson(Array.from({ length: 14 }, (_, index) => index + 1));
    deletions.broker.simulator.state.settings.pageSize = 5;
    for (let calls = 0; calls < 4; calls += 1) await deletions.sync();
    const all = await deletions.weights();
    let shifts = 0;
    const reviews: URLSearchParams[] = [];
    let takenOut: ReturnType<typeof person.groups.get>;
    deletions.beforeAnswers((form) => {
      if (takenOut !== undefined) person.groups.add([takenOut]);
      takenOut = undefined;
      if (form.has('startdate')) reviews.push(new URLSearchParams(form));
      if (!form.has('offset')) return;
      // Between two pages of one answer the newest group is not there, and what follows moves up: one group slips past
      // the reader.
      shifts += 1;
      takenOut = person.groups.all().toSorted((a, b) => b.date - a.date)[0];
      if (takenOut !== undefined) person.groups.remove(takenOut.grpid);
    });
    for (let calls = 0; calls < 12; calls += 1) {
      await deletions.sync();
      if (takenOut !== undefined) person.groups.add([takenOut]);
      takenOut = undefined;
    }
    expect(shifts).toBeGreaterThan(3);
    // Reviews read one page and no more, so that nothing can shift; the window shrinks until it fits.
    expect(reviews.length).toBeGreaterThan(3);
    expect(reviews.filter((form) => form.has('offset'))).toEqual([]);
    expect(await deletions.weights()).toEqual(all);
    expect(await deletions.missingGroups()).toBe(0);
  });

  test('weigh-ins that arrive while the window is read', async () => {
    const { person } = await deletions.startPerson([1, 2, 3]);
    deletions.beforeAnswers((form) => {
      if (!form.has('startdate')) return;
      deletions.broker.simulator.state.weighIns.add(person, {
        weightKg: 80,
        date: deletions.seconds() - 5 * DAY,
        weightOnly: true,
      });
    });
    await deletions.sync();
    await deletions.sync();
    await deletions.sync();
    deletions.beforeAnswers(() => undefined);
    await deletions.sync();
    expect((await deletions.weights()).toSorted((a, b) => a - b)).toEqual([60, 61, 62, 80, 80, 80]);
    expect(await deletions.missingGroups()).toBe(0);
  });

  test('a weigh-in moved out of the window between the two reads of a sync', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    let moved = 0;
    deletions.beforeAnswers((form) => {
      if (!form.has('startdate') || moved > 2) return;
      moved += 1;
      person.groups.edit(ids[0] ?? 0, { date: deletions.seconds() - (300 + moved) * DAY }, deletions.seconds());
    });
    await deletions.sync();
    expect(await deletions.weights()).toHaveLength(3);
    await deletions.sync();
    await deletions.sync();
    await deletions.sync();
    expect(await deletions.weights()).toHaveLength(3);
    expect(await deletions.missingGroups()).toBe(0);
  });

  test('a change of the Withings account leaves the old history as it was', async () => {
    await deletions.broker.manage('PATCH', `/apps/${deletions.app.id}`, { link_policy: 'confirm' });
    await deletions.broker.manage('PATCH', `/apps/${deletions.app.id}`, { link_policy: 'open' });
    await deletions.startPerson([1, 2, 3]);
    const rows = async () =>
      (await env.DB.prepare('SELECT connection_id, group_id, missing_since FROM groups ORDER BY 1, 2').all()).results;
    const before = await rows();
    await deletions.broker.manage('PATCH', `/apps/${deletions.app.id}`, { link_policy: 'confirm' });
    const pending = await connect(deletions.broker, deletions.app, 'ada', 'nora');
    const ticket = new URL(pending.headers.get('Location') ?? '').searchParams.get('ticket');
    const confirmed = await deletions.app.call('POST', '/withings/confirm', { ticket, user_id: 'ada' });
    expect(confirmed.status).toBe(200);
    await syncMany();
    const after = await rows();
    expect(after.length).toBeGreaterThan(before.length);
    expect(after).toEqual(expect.arrayContaining(before));
  });

  test('a window that Withings does not answer', async () => {
    const { person, ids } = await deletions.startPerson([1, 2, 3]);
    person.groups.remove(ids[0] ?? 0);
    for (let calls = 0; calls < 3; calls += 1) {
      deletions.beforeAnswers((form) => {
        if (form.has('startdate')) deletions.broker.simulator.state.faults.add({ kind: 'html', action: 'getmeas' });
      });
      expect(await deletions.sync()).toMatchObject({ status: 200, complete: true, removed: 0 });
    }
    expect(await deletions.weights()).toHaveLength(3);
  });
});

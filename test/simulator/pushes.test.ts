import { describe, expect, test } from 'vitest';

import { advanceSeconds, callbackurl, notify, personOf, START_SECONDS } from './driver.ts';
import { push, start } from './notified.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const PRESSURE = { type: 10, value: 120, unit: 0 };

describe('a push', () => {
  test('is not sent about what nobody subscribed to, about a goal, or to a callback that was revoked', async () => {
    const { simulator, token, nora, weigh, reached } = await start({}, [4]);
    simulator.state.weighIns.add(personOf(simulator, 'kenji'), {
      weightKg: 80,
      heartPulseBpm: 60,
      device: 'body_cardio',
    });
    weigh();
    const goal = nora.groups.edit(weigh()[0]?.grpid ?? 0, { category: 2, measures: [PRESSURE] }, START_SECONDS);
    expect(goal).toMatchObject({ category: 2 });
    // The edit was of a weigh-in before it became a goal.
    nora.groups.edit(goal?.grpid ?? 0, { measures: [PRESSURE] }, START_SECONDS);
    await simulator.deliverPushes();
    expect(reached).toEqual([]);
    await notify(simulator, token, { action: 'revoke', callbackurl, appli: '4' });
    nora.groups.edit(goal?.grpid ?? 0, { category: 1 }, START_SECONDS);
    expect(await simulator.deliverPushes()).toBe(0);
  });

  test('is a form with the person, the kind and a window of one second, and no value, secret or header', async () => {
    const { simulator, weigh, reached } = await start();
    weigh(70.4, 1_773_000_000);
    expect(reached).toEqual([]);
    expect(await simulator.deliverPushes()).toBe(1);
    expect(reached).toEqual([{ method: 'POST', url: callbackurl, fields: push(1_773_000_000) }]);
    expect(await simulator.deliverPushes()).toBe(0);
  });

  test('comes for an edit and for a deletion as for a creation; a move covers both moments', async () => {
    const { simulator, nora, weigh, pushes } = await start();
    const [group] = weigh(70, 1_773_000_000);
    simulator.state.weighIns.edit(nora, group?.grpid ?? 0, { weightKg: 71 });
    simulator.state.weighIns.edit(nora, group?.grpid ?? 0, { date: 1_773_000_300 });
    simulator.state.weighIns.remove(nora, group?.grpid ?? 0);
    await simulator.deliverPushes();
    expect(pushes()).toEqual([
      push(1_773_000_000),
      push(1_773_000_000),
      { ...push(1_773_000_300), startdate: '1772999999' },
      push(1_773_000_300),
    ]);
  });

  test('comes several times for one weigh-in: for each group, and each kind of data in it', async () => {
    const { simulator, nora, pushes } = await start();
    const weighIn = { weightKg: 70, heartPulseBpm: 61, date: 1_773_000_000 };
    const groups = simulator.state.weighIns.add(nora, { ...weighIn, device: 'body_cardio' });
    nora.groups.edit(groups[0]?.grpid ?? 0, { measures: [{ type: 71, value: 365, unit: -1 }] }, START_SECONDS);
    await simulator.deliverPushes();
    expect(new Set(pushes().map(({ appli }) => appli))).toEqual(new Set(['1', '2', '4']));
    expect(pushes().length).toBeGreaterThan(groups.length);
  });
});

describe('a push that fails', () => {
  test('is repeated in five rounds of two tries over some six hours, and then dropped', async () => {
    const { simulator, status, weigh, reached } = await start();
    status.now = 503;
    weigh();
    const rounds: number[] = [];
    for (let minutes = 0; minutes <= 8 * 60; minutes += 1) {
      const tried = reached.length;
      await simulator.deliverPushes();
      if (reached.length > tried) rounds.push(minutes);
      expect([0, 2]).toContain(reached.length - tried);
      advanceSeconds(simulator, MINUTE);
    }
    expect(rounds).toHaveLength(5);
    const pauses = rounds.slice(1).map((minute, index) => minute - (rounds[index] ?? 0));
    const bounds = [
      [1, 1],
      [2, 12],
      [62, 81],
      [243, 271],
    ];
    for (const [index, pause] of pauses.entries()) {
      expect(pause).toBeGreaterThanOrEqual(bounds[index]?.[0] ?? NaN);
      expect(pause).toBeLessThanOrEqual(bounds[index]?.[1] ?? NaN);
    }
    expect(simulator.state.notifications.pushes.pending()).toEqual([]);
  });

  test.each([204, 302, 399])('is not one that is answered with %d', async (answered) => {
    const { simulator, status, weigh, reached } = await start();
    status.now = answered;
    weigh();
    await simulator.deliverPushes();
    advanceSeconds(simulator, DAY);
    await simulator.deliverPushes();
    expect(reached).toHaveLength(1);
  });

  test('is delivered by a repetition, and comes after a later one', async () => {
    const { simulator, status, weigh, pushes } = await start();
    status.now = undefined;
    weigh(70, 1_773_000_000);
    await simulator.deliverPushes();
    status.now = 200;
    weigh(71, 1_773_000_060);
    await simulator.deliverPushes();
    advanceSeconds(simulator, 10);
    await simulator.deliverPushes();
    expect(pushes().slice(-2)).toEqual([push(1_773_000_060), push(1_773_000_000)]);
  });

  test('for 20 days cancels the subscription, and one delivery in between keeps it', async () => {
    const failingDays = async (days: number, deliveredOn?: number) => {
      const { simulator, status, weigh, subscriptions } = await start({}, [1]);
      for (let day = 0; day <= days; day += 1) {
        status.now = day === deliveredOn ? 200 : 500;
        weigh(70, START_SECONDS + day * DAY);
        await simulator.deliverPushes();
        advanceSeconds(simulator, DAY);
      }
      return subscriptions.all().length;
    };
    expect(await failingDays(19)).toBe(1);
    expect(await failingDays(20)).toBe(0);
    expect(await failingDays(30, 15)).toBe(1);
  });

  test('four times in a row cancels the subscription where so set', async () => {
    const { simulator, status, weigh, subscriptions } = await start({ cancelSubscriptions: '4_failures' }, [1, 4]);
    status.now = 500;
    for (let failures = 1; failures <= 4; failures += 1) {
      expect(subscriptions.all()).toHaveLength(2);
      weigh(70, START_SECONDS + failures);
      await simulator.deliverPushes();
      // Repetitions of the same push count as nothing more.
      advanceSeconds(simulator, 10);
      await simulator.deliverPushes();
    }
    expect(subscriptions.all().map(({ appli }) => appli)).toEqual([4]);
  });
});

import { beforeEach, describe, expect, test } from 'vitest';

import { EVERY_TEN_DAYS, type History, html, kgOf, startHistory, type SyncAnswer } from '../support/history.ts';
import { DAY } from '../support/people.ts';
import { holdTimeLimits } from '../support/time-limits.ts';

/** Histories that Withings cannot answer as asked: too large, too slow, malformed, or without an end. */

let history: History;

beforeEach(async () => {
  history = await startHistory();
});

describe('a history', () => {
  test('that is too large for one answer is read in stretches, and the newest comes first', async () => {
    await history.startPerson(EVERY_TEN_DAYS);
    const tooLarge: number[] = [];
    history.answerWith(async (_, response) => {
      const { body } = await response.clone().json<{ body: { measuregrps: unknown[] } }>();
      if (body.measuregrps.length <= 250) return response;
      tooLarge.push(body.measuregrps.length);
      return new Response(' '.repeat(9 * 2 ** 20));
    });
    const [first, ...others] = await history.syncAll();
    expect(first).toMatchObject({ status: 202, complete: false });
    expect(first?.history_complete_from).not.toBeNull();
    expect(others.at(-1)).toMatchObject({ complete: true, history_complete_from: null });
    expect(await history.weights()).toEqual(kgOf(EVERY_TEN_DAYS));
    // The size is kept.
    expect(tooLarge).toHaveLength(1);
    expect([first, ...others].every(({ status } = { status: 0 } as SyncAnswer) => status < 300)).toBe(true);
  });

  test('of which the past is slow gives the newest, says how far it is, and ends', async () => {
    const limits = holdTimeLimits();
    await history.startPerson(EVERY_TEN_DAYS.slice(0, 120));
    history.answerWith(async (form, response, signal) => {
      const isSlow = Number(form.get('startdate') ?? form.get('lastupdate') ?? 0) < history.seconds() - 700 * DAY;
      if (!isSlow) return response;
      limits.pass(signal);
      throw signal.reason;
    });
    const first = await history.sync();
    expect(first).toMatchObject({ status: 202, added: 9 });
    const latest = await (await history.app.call('GET', '/metrics/ada/latest')).json();
    expect(latest).toMatchObject({
      data: { weight: { value: 60 } },
      history_complete_from: first.history_complete_from,
    });
    expect(await history.connection()).toMatchObject({ history_complete_from: first.history_complete_from });
    for (let calls = 0; calls < 4; calls += 1) await history.sync();
    expect((await history.weights()).length).toBeGreaterThan(60);
    const answers: SyncAnswer[] = [];
    while (answers.at(-1)?.status !== 200 && answers.length < 120) answers.push(await history.sync());
    expect(answers.at(-1)).toMatchObject({ status: 200, complete: true });
    expect(answers.reduce((sum, { skipped = 0 }) => sum + skipped, 0)).toBeGreaterThan(0);
    expect(await history.weights()).toEqual(kgOf(EVERY_TEN_DAYS).slice(0, 70));
  });

  test('with a day that no answer can be made of is read up to it and beyond, and says so everywhere', async () => {
    await history.startPerson(EVERY_TEN_DAYS);
    history.answerWith((form, response) => Promise.resolve(history.covers(form, 1_001) ? html() : response));
    const answers: SyncAnswer[] = [];
    while (answers.at(-1)?.status !== 200 && answers.length < 60) answers.push(await history.sync());
    await history.broker.settle();
    expect(await history.weights()).toEqual(kgOf(EVERY_TEN_DAYS).filter((_, index) => EVERY_TEN_DAYS[index] !== 1_001));
    expect(answers.reduce((sum, { skipped = 0 }) => sum + skipped, 0)).toBe(1);
    expect(history.broker.logs.filter(({ outcome }) => outcome === 'gap')).toHaveLength(1);
    expect(history.broker.logs.some(({ event, skipped }) => event === 'sync' && skipped === 1)).toBe(true);
    expect(JSON.stringify((await history.connection())['timeline'])).toContain('skipped_1');
    expect(history.broker.logs.filter(({ event }) => event === 'alarm').map(({ outcome }) => outcome)).toEqual([
      'withings_unreadable',
    ]);
  });

  test('during an outage is neither skipped nor forgotten, however long it lasts', async () => {
    await history.startPerson(EVERY_TEN_DAYS);
    await history.sync();
    const before = await history.weights();
    history.answerWith(() => Promise.resolve(html()));
    for (let calls = 0; calls < 25; calls += 1) expect((await history.sync()).status).toBe(503);
    expect(await history.weights()).toEqual(before);
    expect(history.broker.logs.filter(({ outcome }) => outcome === 'gap')).toEqual([]);
    history.answerWith((_, response) => Promise.resolve(response));
    await history.syncAll();
    expect(await history.weights()).toEqual(kgOf(EVERY_TEN_DAYS));
  });

  test('asks at most three times in one sync for what is down', async () => {
    await history.startPerson([1, 2, 3]);
    history.answerWith(() => Promise.resolve(html()));
    expect((await history.sync()).status).toBe(503);
    expect(history.asked.length).toBeLessThanOrEqual(3);
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
    const person = await history.startPerson(days);
    history.answerWith(async (form, response) => {
      const envelope = await response.json<{ status: number; body: { measuregrps: unknown[] } }>();
      // It ignores the offset.
      const [measuregrps, offset] = endless(form, envelope.body.measuregrps);
      return Response.json({ ...envelope, body: { ...envelope.body, measuregrps, more: 1, offset } });
    });
    history.broker.simulator.state.settings.pageSize = 1_000_000;
    await history.syncAll(8);
    expect(await history.weights()).toEqual(kgOf(days));
    expect(history.asked.length).toBeLessThan(25);

    history.asked.length = 0;
    history.weigh(person, 90, 0);
    await history.syncAll(4);
    expect((await history.weights())[0]).toBe(90);
    expect(history.asked.length).toBeLessThan(12);
  });
});

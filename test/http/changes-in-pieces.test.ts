import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { EVERY_TEN_DAYS, type History, html, kgOf, startHistory } from '../support/history.ts';
import { DAY } from '../support/people.ts';

/** Changes that Withings cannot answer as asked, and positions that an earlier release stored. */

let history: History;

beforeEach(async () => {
  history = await startHistory();
});

describe('changes that cannot be read', () => {
  test('are stood in for by the newest days, until they can be read again', async () => {
    const person = await history.startPerson([1, 2, 200]);
    await history.syncAll();
    history.answerWith((form, response) => Promise.resolve(form.has('lastupdate') ? html() : response));
    history.weigh(person, 90, 0);
    const old = person.groups.all().find(({ measures }) => measures[0]?.value === 60_020);
    history.broker.simulator.state.weighIns.edit(person, old?.grpid ?? 0, { weightKg: 91 });
    expect((await history.sync()).status).toBe(503);
    expect(await history.sync()).toMatchObject({ status: 202, added: 1, complete: false });
    expect((await history.weights())[0]).toBe(90);
    expect((await history.sync()).status).toBe(202);
    history.answerWith((_, response) => Promise.resolve(response));
    await history.syncAll(3);
    expect(await history.weights()).toEqual([90, 60, 60.01, 91]);
  });

  test('because they are too large are read with everything else, by stretches', async () => {
    const person = await history.startPerson([1, 2, 200]);
    await history.syncAll();
    history.broker.advance(2 * DAY * 1000);
    // Imported at once, from elsewhere.
    for (const days of EVERY_TEN_DAYS) history.weigh(person, 80, days + 0.5, history.seconds());
    history.answerWith(async (form, response) =>
      form.has('lastupdate') && (await response.clone().text()).length > 20_000
        ? new Response(' '.repeat(9 * 2 ** 20))
        : response,
    );
    const answers = await history.syncAll();
    expect(answers.every(({ status }) => status < 300)).toBe(true);
    expect(await history.weights()).toHaveLength(303);
    // What was imported is still within the day that the next question overlaps: the newest is there, and a day later
    // all is well.
    expect((await history.sync()).status).toBe(503);
    expect((await history.sync()).status).toBe(202);
    history.broker.advance(2 * DAY * 1000);
    await history.syncAll();
    history.asked.length = 0;
    await history.sync();
    expect(history.asked.length).toBeLessThanOrEqual(2);
  });
});

describe('a position of an earlier release, in the middle of a read from the oldest on', () => {
  const store = async (position: { cursor: number; resume: unknown }) =>
    env.DB.prepare(
      'UPDATE connections SET sync_cursor_seconds = ?1, sync_resume = ?2, sync_history = NULL, sync_resume_at = 1',
    )
      .bind(position.cursor, position.resume === undefined ? null : JSON.stringify(position.resume))
      .run();

  test('by cursor goes on to the end', async () => {
    await history.startPerson(EVERY_TEN_DAYS.slice(0, 40));
    await store({ cursor: history.seconds() - 201 * DAY, resume: undefined });
    history.broker.simulator.state.settings.pageSize = 7;
    await history.syncAll();
    // What came before the cursor was stored by that release.
    expect(await history.weights()).toEqual(kgOf(EVERY_TEN_DAYS.slice(0, 21)));
  });

  test('by offset, before any cursor, begins with the newest', async () => {
    await history.startPerson(EVERY_TEN_DAYS.slice(0, 40));
    await store({ cursor: 0, resume: { lastUpdateSeconds: 18, offset: 14, newestSeconds: 99 } });
    history.broker.simulator.state.settings.pageSize = 7;
    await history.sync();
    expect((await history.weights())[0]).toBe(60);
    await history.syncAll();
    expect(await history.weights()).toEqual(kgOf(EVERY_TEN_DAYS.slice(0, 40)));
  });
});

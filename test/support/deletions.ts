import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import { connect, emptyTables, makeApp, startBroker } from './broker.ts';
import { addPerson, DAY } from './people.ts';

/** A broker and people whose weigh-ins disappear at Withings, or only seem to. */

type SyncAnswer = { added: number; changed: number; removed: number; complete: boolean };

export const startDeletions = async () => {
  await emptyTables();
  let beforeAnswer = (_form: URLSearchParams): void => undefined;
  const broker = await startBroker({
    fetch: (send) => (input, init) => {
      if (init?.body instanceof URLSearchParams) beforeAnswer(init.body);
      return send(input, init);
    },
  });
  const app = await makeApp(broker);
  const seconds = () => Math.floor(broker.now() / 1000);
  const sync = async (user = 'ada') => {
    broker.advance(20_000);
    const response = await app.call('POST', `/withings/sync/${user}`);
    return { status: response.status, ...(await response.json<SyncAnswer>()) };
  };
  return {
    broker,
    app,
    seconds,
    sync,
    weights: async (user = 'ada') => {
      const answer = await app.call('GET', `/metrics/${user}?metric=weight&limit=1000&include=ambiguous`);
      return (await answer.json<{ data: { value: number }[] }>()).data.map(({ value }) => value);
    },
    missingGroups: async () =>
      (await env.DB.prepare('SELECT group_id FROM groups WHERE missing_since IS NOT NULL').all()).results.length,
    /** A person whose weigh-ins (weight only, 60 kg and up) lie so many days back, connected and synced as `ada`. */
    startPerson: async (daysBack: readonly number[], user = 'ada') => {
      const person = addPerson(broker, user);
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
    },
    /** What the simulated Withings does between one answer and the next. */
    beforeAnswers: (act: (form: URLSearchParams) => void): void => {
      beforeAnswer = act;
    },
  };
};
export type Deletions = Awaited<ReturnType<typeof startDeletions>>;

import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from './broker.ts';
import { addBareGroup, addPerson, DAY, asWeight } from './people.ts';

/** A broker whose Withings answers a question of `getmeas` as a test says, and one person who syncs with it. */

export type SyncAnswer = {
  status: number;
  added: number;
  /** Absent from a problem. */
  skipped?: number;
  complete: boolean;
  history_complete_from: string | null;
};

/** What becomes of an answer of `getmeas`, given the question and the signal of its time limit. */
type Answer = (form: URLSearchParams, response: Response, signal: AbortSignal) => Promise<Response>;

export const startHistory = async () => {
  await emptyTables();
  const asked: URLSearchParams[] = [];
  let answer: Answer = (_, response) => Promise.resolve(response);
  const broker = await startBroker({
    settings: { pageSize: 1_000_000 },
    fetch: (send) => async (input, init) => {
      const response = await send(input, init);
      if (!(init?.body instanceof URLSearchParams) || init.body.get('action') !== 'getmeas') return response;
      asked.push(new URLSearchParams(init.body));
      return answer(init.body, response, init.signal ?? new AbortController().signal);
    },
  });
  const app = await makeApp(broker);
  return {
    broker,
    app,
    /** The questions asked of `getmeas`. */
    asked,
    answerWith: (next: Answer): void => {
      answer = next;
    },
    ...personWithHistory(broker, app),
    ...syncing(broker, app),
  };
};
export type History = Awaited<ReturnType<typeof startHistory>>;

const personWithHistory = (broker: Broker, app: TestApp) => {
  const seconds = () => Math.floor(broker.now() / 1000);
  /** A weigh-in, stored at Withings a minute later, unless it is said when. */
  const weigh = (person: Person, weightKg: number, daysBack: number, created?: number) => {
    const date = seconds() - Math.floor(daysBack * DAY);
    return addBareGroup(broker, person, { date, created: created ?? date + 60, measures: asWeight(weightKg) });
  };
  return {
    seconds,
    weigh,
    /** A person with a weigh-in (60 kg and up) on each of these days back, connected as `ada`. */
    startPerson: async (daysBack: readonly number[]): Promise<Person> => {
      const person = addPerson(broker, 'ada', 'UTC');
      for (const [index, days] of daysBack.entries()) weigh(person, 60 + index / 100, days);
      await connect(broker, app, 'ada', 'ada');
      return person;
    },
    /** Whether a question is about a moment so many days back. */
    covers: (form: URLSearchParams, daysBack: number): boolean => {
      if (!form.has('enddate') || form.has('meastypes')) return false;
      const at = seconds() - daysBack * DAY;
      return Number(form.get('startdate') ?? -Infinity) <= at && at <= Number(form.get('enddate'));
    },
  };
};

const syncing = (broker: Broker, app: TestApp) => {
  const sync = async (): Promise<SyncAnswer> => {
    broker.advance(20_000);
    const response = await app.call('POST', '/withings/sync/ada');
    return { ...(await response.json<Omit<SyncAnswer, 'status'>>()), status: response.status };
  };
  return {
    sync,
    /** Syncs until it is complete; every answer. */
    syncAll: async (most = 60): Promise<SyncAnswer[]> => {
      const answers: SyncAnswer[] = [];
      while (answers.at(-1)?.status !== 200) {
        if (answers.length >= most) throw new Error(`not complete after ${most} syncs`);
        answers.push(await sync());
      }
      return answers;
    },
    weights: async (): Promise<number[]> => {
      const answer = await app.call('GET', '/metrics/ada?metric=weight&limit=1000');
      return (await answer.json<{ data: { value: number }[] }>()).data.map(({ value }) => value);
    },
    connection: async () => (await app.call('GET', '/withings/connections/ada')).json<Record<string, unknown>>(),
  };
};

export const kgOf = (daysBack: readonly number[]) => daysBack.map((_, index) => 60 + index / 100);
export const html = () => new Response('<!doctype html><p>Maintenance', { headers: { 'Content-Type': 'text/html' } });

export const EVERY_TEN_DAYS = Array.from({ length: 300 }, (_, index) => 1 + index * 10);

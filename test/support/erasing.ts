import { env } from 'cloudflare:workers';

import { connect, emptyTables, makeApp, startBroker, type TestApp } from './broker.ts';
import { dumpTables } from './dump.ts';

/** A broker whose Withings may be down, or let something else happen while it answers, and what is stored of whom. */

/** What a call to Withings sends. */
export const formOf = (init: RequestInit | undefined): URLSearchParams =>
  init?.body instanceof URLSearchParams ? init.body : new URLSearchParams();

/** Every row of every table that holds a text. */
export const rowsWith = async (text: string): Promise<string[]> =>
  Object.entries(await dumpTables()).flatMap(([table, rows]) =>
    rows.filter((row) => row.includes(text)).map((row) => `${table}: ${row}`),
  );

export const connectionIds = async (userId: string): Promise<number[]> =>
  (await env.DB.prepare('SELECT id FROM connections WHERE user_id = ?').bind(userId).all<{ id: number }>()).results.map(
    ({ id }) => id,
  );

/** Something that a test does once, between a question to Withings and its answer. */
const createMoment = () => {
  let act: (() => Promise<void>) | undefined;
  return {
    pass: async (): Promise<void> => {
      const now = act;
      act = undefined;
      await now?.();
    },
    once: (next: () => Promise<void>): void => {
      act = next;
    },
  };
};

export const startErasing = async () => {
  await emptyTables();
  const revocations: string[] = [];
  let isWithingsDown = false;
  const [answering, revoking] = [createMoment(), createMoment()];
  const broker = await startBroker({
    fetch: (send) => async (input, init) => {
      const body = formOf(init);
      if (body.get('action') === 'revoke') revocations.push(body.get('userid') ?? '');
      if (body.get('action') === 'getnonce') await revoking.pass();
      const answer = isWithingsDown ? new Response('', { status: 502 }) : await send(input, init);
      await answering.pass();
      return answer;
    },
  });
  const app = await makeApp(broker);
  const people = [...broker.simulator.state.people.list()];
  return {
    broker,
    app,
    people,
    /** The ids of those whose authorization was revoked. */
    revocations,
    breakWithings: (isDown = true): void => {
      isWithingsDown = isDown;
    },
    /** Once, while the next answer of Withings is on its way. */
    onceAnswering: answering.once,
    /** Once, while an erasure waits for Withings. */
    onceRevoking: revoking.once,
    link: async (userId: string, person: number, to: TestApp = app): Promise<void> => {
      await connect(broker, to, userId, people[person]?.id ?? '');
      await to.call('POST', `/withings/sync/${userId}`);
      // Withings refuses an equal question about an account within 10 seconds, of another app too.
      broker.advance(15_000);
    },
  };
};
export type Erasing = Awaited<ReturnType<typeof startErasing>>;

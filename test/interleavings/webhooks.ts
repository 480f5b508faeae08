import { AsyncLocalStorage } from 'node:async_hooks';

import * as fc from 'fast-check';

import type { Deps } from '../../src/broker/deps.ts';
import { sendDue, sendRecorded } from '../../src/broker/webhooks/deliver.ts';
import { createWebhook } from '../../src/broker/webhooks/manage-webhooks.ts';
import { newEvent } from '../../src/broker/webhooks/record.ts';
import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import type { App } from '../../src/domain/app.ts';
import { type Actor, OPERATOR } from '../../src/domain/audit.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { tryD1 } from '../../src/store/d1.ts';
import { addEvent, erasedEventStatement, noteRecorded } from '../../src/store/webhooks/events.ts';
import { openSqliteD1, type SqliteD1, type Turn } from '../support/sqlite-d1.ts';
import { createTurns, type Task } from '../support/turns.ts';

/** Webhooks under random schedules: receivers that fail or do not answer, invocations that die, a D1 that refuses, people who are erased. */

const APP_ID = 'app_webhooks';
const START = Date.UTC(2026, 5, 15, 12, 0, 0);
const USERS = ['ada', 'bob'];
const HOOKS = ['https://hooks.example.com/1', 'https://hooks.example.com/2'];
const MINUTE_MS = 60_000;
/** What a run has read may still be sent for so long. */
const IN_FLIGHT_MS = 60_000;
/** Of the cron's tick, beside what else it does. */
const TICK_CALLS = 40;

type Mode = 'ok' | 'refuses' | 'refuses_ada' | 'silent';
type Action =
  | { do: 'record'; user: number }
  | { do: 'erase'; user: number }
  | { do: 'tick' }
  | { do: 'receiver'; hook: number; mode: Mode }
  | { do: 'advance'; seconds: number }
  | { do: 'd1'; fault: 'refused' | 'answer_lost'; times: number }
  | { do: 'kill'; victim: number };

export type WebhookSchedule = { actions: Action[]; picks: number[] };

const user = fc.nat({ max: USERS.length - 1 });
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('record' as const), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), user }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('receiver' as const),
      hook: fc.nat({ max: HOOKS.length - 1 }),
      mode: fc.constantFrom<Mode>('ok', 'refuses', 'refuses_ada', 'silent'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.constantFrom(3, 20, 46, 61, 301, 3_600) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('d1' as const),
      fault: fc.constantFrom('refused' as const, 'answer_lost' as const),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), victim: fc.nat({ max: 4 }) }) },
);

export const webhookSchedule: fc.Arbitrary<WebhookSchedule> = fc.record({
  actions: fc.array(action, { minLength: 1, maxLength: 20 }),
  picks: fc.array(fc.nat({ max: 5 }), { maxLength: 100 }),
});

type Invocation = { d1: Turn; fetch: typeof fetch; sleep: (ms: number) => Promise<void> };
const running = new AsyncLocalStorage<Invocation>();
const invocation = (): Invocation => {
  const found = running.getStore();
  if (found === undefined) throw new Error('an effect outside of every invocation');
  return found;
};

const shared: SqliteD1 = openSqliteD1();
const bindings = {
  DB: shared.bind((statements) => invocation().d1(statements)),
  LINKS: {},
  KEYRING: JSON.stringify({ current: 'k1', keys: { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' } }),
  OPERATOR_TOKEN: await mintCredential('operator', (size) => new Uint8Array(size)),
  WITHINGS_CLIENT_ID: 'c1'.repeat(32),
  WITHINGS_CLIENT_SECRET: '5e'.repeat(32),
  WITHINGS_API_URL: 'https://wbsapi.withings.net',
  WITHINGS_LOGIN_URL: 'https://account.withings.com',
} as Bindings;

/** One that a receiver took. */
type Taken = { hook: string; seq: number; user: string; type: string; at: number };

const createWebhookWorld = () => {
  shared.clear();
  let now = START;
  let seed = 1;
  const random = (size: number): Uint8Array<ArrayBuffer> =>
    Uint8Array.from({ length: size }, () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 24);
  const modes = new Map<string, Mode>();
  const taken: Taken[] = [];
  const d1Faults: ('refused' | 'answer_lost')[] = [];
  const turns = createTurns();
  const fetchOf =
    (task: Task): typeof fetch =>
    async (input, init) => {
      const hook = input instanceof Request ? input.url : input.toString();
      const mode = modes.get(hook) ?? 'ok';
      const sentAt = now;
      await task.turn();
      const { data, type } = JSON.parse(typeof init?.body === 'string' ? init.body : '{}') as {
        type: string;
        data: { user_id: string; sequence: number };
      };
      if (mode === 'silent') throw new DOMException('too late', 'TimeoutError');
      if (mode === 'refuses' || (mode === 'refuses_ada' && data.user_id === 'ada'))
        return new Response('no', { status: 500 });
      taken.push({ hook, seq: data.sequence, user: data.user_id, type, at: sentAt });
      await task.turn();
      return new Response(null, { status: 204 });
    };
  const invoke = (name: string, run: (deps: Deps) => Promise<unknown>): void =>
    turns.spawn(name, async (task) => {
      const effects: Invocation = {
        d1: async (statements) => {
          await task.turn();
          return statements.some(({ sql }) => !/^\s*select/i.test(sql)) ? d1Faults.shift() : undefined;
        },
        fetch: fetchOf(task),
        sleep: async (ms) => {
          await task.turn();
          now += ms;
        },
      };
      await running.run(effects, async () => {
        const composed = await compose(bindings, () => undefined, {
          fetch: (input, init) => invocation().fetch(input, init),
          now: () => now,
          sleep: (ms) => invocation().sleep(ms),
          random,
          log: () => undefined,
        });
        if (!composed.ok) throw new Error(composed.failure);
        await run(composed.value);
      });
    });
  return {
    database: shared.database,
    modes,
    taken,
    d1Faults,
    turns,
    invoke,
    now: () => now,
    advance: (ms: number) => {
      now += ms;
    },
    settle: async () => {
      while (turns.waiting().length > 0) await turns.release(0);
    },
  };
};
type WebhookWorld = ReturnType<typeof createWebhookWorld>;

const connectionId = (index: number) => asConnectionId(100 + index);

/** An app with two endpoints and two connected users. */
const prepare = async (world: WebhookWorld): Promise<void> => {
  const insert = world.database.prepare(
    `INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at, token_version, access_expires_at, refreshed_at)
     VALUES (?, ?, ?, ?, 1, 'active', 0, '', 0, 1, 0, 0)`,
  );
  world.database.prepare('INSERT INTO apps (id, name, created_at) VALUES (?, ?, 0)').run(APP_ID, APP_ID);
  for (const [index, name] of USERS.entries()) insert.run(connectionId(index), APP_ID, name, name);
  const app: App = {
    id: APP_ID,
    name: APP_ID,
    accountId: undefined,
    linkPolicy: 'open',
    allowLoopback: false,
    refuseBrowserKeys: false,
    sharedAccounts: 'allow',
    historyOnConnect: 'none',
    disabledAt: undefined,
    createdAt: START,
  };
  const by: Actor = { id: OPERATOR, tokenId: undefined, surface: 'api' };
  for (const url of HOOKS) {
    const options = { url, eventTypes: undefined, payload: 'full', description: '' } as const;
    world.invoke('add', async (deps) => createWebhook(deps, { app, by }, options, []));
  }
  await world.settle();
};

const begin = (world: WebhookWorld, erased: Map<string, number>, next: Action): void => {
  switch (next.do) {
    case 'record':
      return world.invoke('record', async (deps) => {
        const about = { appId: APP_ID, type: 'connection.restored', connectionId: connectionId(next.user) } as const;
        await addEvent(deps.db, newEvent(deps, about));
        await sendRecorded(deps);
      });
    case 'erase':
      return world.invoke('erase', (deps) => eraseUser(world, deps, erased, next.user));
    case 'tick':
      return world.invoke('tick', (deps) => sendDue(deps, TICK_CALLS));
    case 'receiver':
      world.modes.set(HOOKS[next.hook] ?? '', next.mode);
      return undefined;
    case 'advance':
      return world.advance(next.seconds * 1_000);
    case 'd1':
      world.d1Faults.push(...Array<typeof next.fault>(next.times).fill(next.fault));
      return undefined;
    case 'kill':
      return world.turns.kill(next.victim % Math.max(1, world.turns.waiting().length));
  }
};

const eraseUser = async (
  world: WebhookWorld,
  deps: Deps,
  erased: Map<string, number>,
  index: number,
): Promise<void> => {
  const userId = USERS[index] ?? '';
  await tryD1(deps.db, async () => {
    const event = { ...newEvent(deps, { appId: APP_ID, type: 'user.erased' }), userId };
    const results = await deps.db.d1.batch([
      deps.db.d1.prepare('DELETE FROM connections WHERE id = ?').bind(connectionId(index)),
      erasedEventStatement(deps.db, event),
    ]);
    noteRecorded(deps.db, results);
  });
  const gone = world.database.prepare('SELECT 1 FROM connections WHERE id = ?').get(connectionId(index)) === undefined;
  if (gone && !erased.has(userId)) erased.set(userId, world.now());
  await sendRecorded(deps);
};

/** The faults are over and every receiver takes what comes: the cron goes on until nothing waits. */
const comeToRest = async (world: WebhookWorld): Promise<void> => {
  world.d1Faults.length = 0;
  world.modes.clear();
  await world.settle();
  const left = world.database.prepare(
    `SELECT (SELECT count(*) FROM webhook_retries) + (SELECT count(*) FROM webhook_endpoints
       WHERE due_at IS NOT NULL OR delivered_seq < (SELECT coalesce(max(seq), 0) FROM events)) AS n`,
  );
  for (let ticks = 0; ticks < 60 && left.get()?.['n'] !== 0; ticks += 1) {
    world.advance(ticks < 10 ? MINUTE_MS : 60 * MINUTE_MS);
    world.invoke('tick', (deps) => sendDue(deps, TICK_CALLS));
    await world.settle();
  }
};

/** Runs a schedule, lets everything come to rest, and says what went wrong. */
export const webhookViolationsOf = async ({ actions, picks }: WebhookSchedule): Promise<string[]> => {
  const world = createWebhookWorld();
  await prepare(world);
  const erased = new Map<string, number>();
  const left = [...actions];
  for (let step = 0; left.length > 0 || world.turns.waiting().length > 0; step += 1) {
    const waiting = world.turns.waiting().length;
    const pick = (picks[step] ?? 0) % (waiting + (left.length > 0 ? 1 : 0));
    const next = pick === waiting ? left.shift() : undefined;
    if (next === undefined) await world.turns.release(pick);
    else begin(world, erased, next);
  }
  await comeToRest(world);
  return [
    ...undelivered(world),
    ...HOOKS.flatMap((hook) => outOfOrder(world, hook)),
    ...late(world, erased),
    ...world.turns.errors.map(String),
  ];
};

const undelivered = ({ database, taken }: WebhookWorld): string[] => {
  const events = database
    .prepare(
      `SELECT v.seq, v.type FROM events AS v LEFT JOIN connections AS c ON c.id = v.connection_id
       WHERE coalesce(v.user_id, c.user_id) IS NOT NULL`,
    )
    .all();
  return HOOKS.flatMap((hook) =>
    events
      .filter(({ seq }) => !taken.some((one) => one.hook === hook && one.seq === seq))
      .map(({ seq, type }) => `${hook} never got event ${String(seq)} (${String(type)})`),
  );
};

/** The first time that each event of a user was taken. */
const outOfOrder = ({ taken }: WebhookWorld, hook: string): string[] =>
  USERS.flatMap((name) => {
    const first = [...new Set(taken.filter((one) => one.hook === hook && one.user === name).map(({ seq }) => seq))];
    return first.every((seq, index) => index === 0 || seq > (first[index - 1] ?? 0))
      ? []
      : [`${hook} got the events of ${name} in the order ${first.join(', ')}`];
  });

const late = ({ taken }: WebhookWorld, erased: Map<string, number>): string[] =>
  taken
    .filter(({ user: name, type, at }) => type !== 'user.erased' && at > (erased.get(name) ?? Infinity) + IN_FLIGHT_MS)
    .map(({ seq, user: name }) => `event ${seq} of ${name} was sent after the erasure`);

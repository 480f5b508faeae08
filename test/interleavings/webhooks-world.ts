import { AsyncLocalStorage } from 'node:async_hooks';

import type { Deps } from '../../src/broker/deps.ts';
import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { createMemoryKv } from '../support/memory-kv.ts';
import { openSqliteD1, type SqliteD1, type Turn } from '../support/sqlite-d1.ts';
import { createTurns, type Task } from '../support/turns.ts';

/** Receivers, a database and invocations of the broker, under one clock that only the schedule moves. */

export const APP_ID = asAppId('app_webhooks');
export const START = Date.UTC(2026, 5, 15, 12, 0, 0);
export const USERS = ['ada', 'bob'];
export const HOOKS = ['https://hooks.example.com/1', 'https://hooks.example.com/2'];
/** How long the broker waits for an answer. */
const TIMEOUT_MS = 15_000;
/** How long a slow receiver takes. */
const SLOW_MS = 14_000;

/** How a receiver answers. */
export type Mode = 'ok' | 'refuses' | 'refuses_once' | 'refuses_ada' | 'silent' | 'slow' | 'gone';

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
  LINKS: createMemoryKv(),
  KEYRING: JSON.stringify({ current: 'k1', keys: { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' } }),
  OPERATOR_TOKEN: await mintCredential('operator', (size) => new Uint8Array(size)),
  WITHINGS_CLIENT_ID: 'c1'.repeat(32),
  WITHINGS_CLIENT_SECRET: '5e'.repeat(32),
  WITHINGS_API_URL: 'https://wbsapi.withings.net',
  WITHINGS_LOGIN_URL: 'https://account.withings.com',
} satisfies Bindings;

/** One that a receiver took. */
type Taken = { hook: string; seq: number; user: string; type: string; at: number };

export const createWebhookWorld = () => {
  shared.reset();
  let now = START;
  let seed = 1;
  const random = (size: number): Uint8Array<ArrayBuffer> =>
    Uint8Array.from({ length: size }, () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 24);
  const modes = new Map<string, Mode>();
  const taken: Taken[] = [];
  /** What becomes of the next writes. */
  const d1Faults: ('refused' | 'answer_lost' | undefined)[] = [];
  const turns = createTurns();
  const fetchOf =
    (task: Task): typeof fetch =>
    async (input, init) => {
      const hook = input instanceof Request ? input.url : input.toString();
      const mode = modes.get(hook) ?? 'ok';
      const sentAt = now;
      await task.turn();
      // What does not arrive in time was given up.
      if (now - sentAt >= TIMEOUT_MS) throw new DOMException('too late', 'AbortError');
      const { data, type } = JSON.parse(typeof init?.body === 'string' ? init.body : '{}') as {
        type: string;
        data: { user_id: string; sequence: number };
      };
      if (mode === 'silent') throw new DOMException('too late', 'TimeoutError');
      if (mode === 'gone') return new Response('gone', { status: 410 });
      if (mode === 'refuses_once') modes.delete(hook);
      if (mode === 'slow') now += SLOW_MS;
      if (mode === 'refuses' || mode === 'refuses_once' || (mode === 'refuses_ada' && data.user_id === 'ada'))
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
export type WebhookWorld = ReturnType<typeof createWebhookWorld>;

import type { Deps } from '../../src/broker/deps.ts';
import { openToken, type TokenOwner } from '../../src/broker/tokens/sealed-tokens.ts';
import { compose } from '../../src/compose.ts';
import type { Outgoing } from '../../src/simulator/notify/callbacks.ts';
import type { Settings } from '../../src/simulator/settings.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { type Snapshot, takeSnapshot } from '../../src/simulator/snapshot.ts';
import type { Kv } from '../../src/store/kv.ts';
import { createMemoryKv } from '../support/memory-kv.ts';
import type { SqliteD1, Turn } from '../support/sqlite-d1.ts';
import { createTurns, type Task } from '../support/turns.ts';
import { bindingsOf, invocation, running, shared } from './invocation.ts';
import { APP_ID, CALLBACK_URL, CLIENT_ID, CLIENT_SECRET, START } from './names.ts';
import { observe, TIMEOUT_MS } from './observer.ts';

/**
 * One Withings, one database and any number of invocations of the broker, all under one clock that only the schedule moves. What runs is
 * the broker's own code from `compose` inwards; the schedule has the clock, randomness, fetch and log.
 */

export { APP_ID, START } from './names.ts';

/** A fault of D1's that the next write takes. */
export type D1Fault = 'refused' | 'answer_lost';

type WorldOptions = {
  settings?: Partial<Settings>;
  /** Where pushes and HEADs of the simulated Withings go. */
  outgoing?: Outgoing;
  apps?: readonly string[];
  /** The kinds of data that Withings notifies of. */
  notifyApplis?: readonly number[];
  /** Where it goes on from: what another world has saved. */
  saved?: SavedWorld;
};

/** What the database and Withings hold while nothing is under way, and when that was. */
export type SavedWorld = { at: number; rows: ReturnType<SqliteD1['rows']>; snapshot: string };

export const createWorld = (
  users: readonly string[],
  { settings = {}, apps = [APP_ID], notifyApplis = [], saved, ...options }: WorldOptions = {},
) => {
  shared.reset(saved?.rows);
  let now = saved?.at ?? START;
  // Or a token would be made a second time.
  const pseudo = pseudoRandom(saved === undefined ? 1 : 2);
  const simulator = createSimulator({
    now: () => now,
    random: (bytes) => {
      bytes.set(pseudo(bytes.length));
      return bytes;
    },
    people: users.map((id, index) => ({
      id,
      userid: 1_000 + index,
      name: id,
      description: '',
      timezone: 'Europe/Berlin',
    })),
    clients: [{ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, name: 'Torture', redirectUris: [CALLBACK_URL] }],
    settings: { callsPerMinute: 10_000, ...settings },
    snapshot: saved && (JSON.parse(saved.snapshot) as Snapshot),
    ...options,
  });
  simulator.state.clock.freeze();
  let bindings = bindingsOf('k1', notifyApplis);
  const d1Faults: D1Fault[] = [];
  /** Until when D1 refuses everything. */
  let d1OutUntil = START;
  const kv = createKv();
  const turns = createTurns();
  const taskName = () => invocation().task.name;
  const observer = observe({
    shared,
    simulator,
    now: () => now,
    taskName,
    open: async (blob, owner) => openWith(await compositionOf(), blob, owner),
  });
  const advance = (ms: number) => {
    now += ms;
    simulator.state.clock.set(now);
  };

  const isWrite = (sql: string) => !/^\s*select/i.test(sql);
  const turnOf =
    (task: Task): Turn =>
    async (statements) => {
      await task.turn();
      if (now < d1OutUntil) return 'refused';
      return statements.some(({ sql }) => isWrite(sql)) ? d1Faults.shift() : undefined;
    };
  const fetchOf =
    (task: Task): typeof fetch =>
    async (input, init) => {
      const call = observer.sent(task, init);
      const timedOut = () => now - call.sentAt >= TIMEOUT_MS;
      try {
        await task.turn();
        // Withings carries out what reaches it in time, or never.
        if (timedOut()) throw new TypeError('timeout');
        await observer.arrives(init);
        const answer = await observer.carryOut(call, () => simulator.fetch(input, init));
        await task.turn();
        if (timedOut()) throw new TypeError('timeout');
        observer.answered(call, await answer.clone().text());
        return answer;
      } finally {
        call.done = true;
      }
    };

  const sleepOf = (task: Task) => async (ms: number) => {
    const until = now + ms;
    await task.turn();
    if (until > now) advance(until - now);
  };
  const compositionOf = async (waitUntil: Deps['waitUntil'] = () => undefined): Promise<Deps> => {
    const composed = await compose(bindings, waitUntil, {
      fetch: (input, init) => invocation().fetch(input, init),
      now: () => now,
      databaseNow: () => now,
      sleep: (ms) => invocation().sleep(ms),
      random: pseudo,
      log: () => undefined,
    });
    if (!composed.ok) throw new Error(composed.failure);
    return composed.value;
  };

  const addApp = shared.database.prepare('INSERT INTO apps (id, name, created_at) VALUES (?, ?, ?)');
  if (saved === undefined) for (const id of apps) addApp.run(id, id, START);
  return {
    simulator,
    database: shared.database,
    turns,
    observer,
    d1Faults,
    /** How many of the next operations of KV fail. */
    failKv: kv.fail,
    /** D1 refuses everything for so long. */
    endD1: (forMs: number) => {
      d1OutUntil = Math.max(d1OutUntil, now + forMs);
    },
    d1OutUntil: () => d1OutUntil,
    save: (): SavedWorld => ({ at: now, rows: shared.rows(), snapshot: JSON.stringify(takeSnapshot(simulator.state)) }),
    advance,
    now: () => now,
    /** Another key seals and signs from now on; the old one still opens. */
    rotate: () => {
      bindings = bindingsOf('k2', notifyApplis);
    },
    /** Starts an invocation. */
    invoke: (name: string, run: (deps: Deps) => Promise<unknown>, ended: () => void = () => undefined) =>
      turns.spawn(name, async (task) => {
        const effects = { task, d1: turnOf(task), kv: kv.of(task), fetch: fetchOf(task), sleep: sleepOf(task) };
        const background: Promise<unknown>[] = [];
        await running.run(effects, async () => run(await compositionOf((work) => background.push(work))));
        ended();
        // What an invocation goes on with may begin more of it.
        while (background.length > 0) await background.shift();
      }),
    /** Lets everything that waits come to its end, first come first. */
    settle: async () => {
      while (turns.waiting().length > 0) await turns.release(0);
    },
  };
};
export type World = ReturnType<typeof createWorld>;

const openWith = async (deps: Deps, sealed: string, owner: TokenOwner): Promise<string | undefined> => {
  const opened = await openToken(deps, owner, 'access_token', sealed);
  return opened.ok ? opened.value.reveal() : undefined;
};

/** A KV that fails as a schedule says. */
const createKv = () => {
  const kv = createMemoryKv();
  let failures = 0;
  const of = (task: Task): Kv => {
    const turn = async () => {
      await task.turn();
      if (failures === 0) return;
      failures -= 1;
      task.kvFailed = true;
      throw new Error('KV failed: 429 Too Many Requests');
    };
    return {
      get: async (key) => {
        await turn();
        return kv.get(key);
      },
      put: async (key, value, options) => {
        await turn();
        await kv.put(key, value, options);
      },
      // Behind the answer, beside what the task goes on with: only one of the two may wait for its turn.
      delete: kv.delete,
    };
  };
  return {
    of,
    fail: (times: number) => {
      failures = times;
    },
  };
};

/** Mulberry32: the same bytes in every run. */
const pseudoRandom = (seed: number) => {
  let state = Math.imul(seed, 0x9e3779b9);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return (size: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length: size }, () => next() & 255);
};

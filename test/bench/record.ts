import { setImmediate } from 'node:timers/promises';

import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import type * as App from '../../src/http/app.ts';
import { computeInline } from '../support/inline-subtle.ts';
import { createMemoryKv } from '../support/memory-kv.ts';
import { openSqliteD1 } from '../support/sqlite-d1.ts';
import { MARK } from './marks.ts';
import { type Route, ROUTES } from './routes.ts';
import { API_KEY, appRows, connectionRows, KEYRING, measurementRows, OPERATOR_TOKEN, syncableRows } from './seed.ts';
import { createUpstream } from './upstream.ts';

/**
 * One operation that a request cannot do without, and when it does it: those of one stage at the same time, those
 * behind the answer once that is sent.
 */
export type Operation = Asked & { stage: number; isBehind: boolean };

type Asked =
  | { kind: 'd1'; statements: readonly { sql: string; params: readonly unknown[] }[] }
  | { kind: 'kv_put'; key: string; value: string; ttlSeconds: number }
  | { kind: 'kv_get'; key: string }
  | { kind: 'fetch'; url: string; body: string; authorization: string | null };

/** What the broker did for a request, and how long its answer was. */
export type Script = { operations: Operation[]; status: number; bodyBytes: number; location: string | null };

/** What the broker is set to, measured and recorded; `upstream` is the origin of its Withings. */
export const settings = (upstream: string) => ({
  KEYRING,
  OPERATOR_TOKEN,
  WITHINGS_CLIENT_ID: 'c1',
  WITHINGS_CLIENT_SECRET: '00',
  WITHINGS_API_URL: upstream,
  WITHINGS_LOGIN_URL: upstream,
});

const TURNS = 100;

/** Random bytes that read as `MARK`, as hex and as an integer. */
const markedBytes = (size: number): Uint8Array => {
  const digits = size === 7 ? MARK.toString(16) : String(MARK);
  return new Uint8Array(Buffer.from(digits.padStart(size * 2, '0').slice(-size * 2), 'hex'));
};

/**
 * Runs each route of the broker once in this process, on SQLite, and notes every operation that leaves the broker. So
 * the floor is made of the broker's own statements, and follows when they change.
 */
export const recordScripts = async ({ http }: typeof App, origin: string): Promise<Record<Route, Script>> => {
  const sqlite = openSqliteD1();
  for (const sql of [...appRows(), ...connectionRows(0, 10), ...measurementRows(10, 0, 200)]) sqlite.database.exec(sql);
  let operations: Operation[] = [];
  let stage = 0;
  let hasEnded = false;
  computeInline();
  /**
   * Each takes many turns of the event loop, and the code between two a few, however slow the machine is: what begins
   * or answers in the meantime did not wait for it.
   */
  const note = async (asked: Asked): Promise<void> => {
    if (hasEnded) stage += 1;
    hasEnded = false;
    const operation = { ...asked, stage, isBehind: true };
    operations.push(operation);
    for (let turn = 0; turn < TURNS; turn += 1) await setImmediate();
    operation.isBehind = false;
    hasEnded = true;
  };
  const kv = createMemoryKv();
  const bindings = {
    ...settings(origin),
    DB: sqlite.bind(async (statements) => {
      await note({ kind: 'd1', statements: [...statements] });
      return undefined;
    }),
    LINKS: {
      ...kv,
      put: async (key, value, options) => {
        await note({ kind: 'kv_put', key, value, ttlSeconds: options.expirationTtl });
        await kv.put(key, value, options);
      },
      get: async (key) => {
        await note({ kind: 'kv_get', key });
        return kv.get(key);
      },
    },
  } satisfies Bindings;
  const upstream = createUpstream();
  const send = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const body = await request.text();
    const authorization = request.headers.get('Authorization');
    await note({ kind: 'fetch', url: request.url, body, authorization });
    return Response.json(
      upstream.answer(new URL(request.url).pathname, new URLSearchParams(body), authorization ?? ''),
    );
  };
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const deps = await compose(bindings, () => undefined, {
      fetch: send,
      now: () => Date.now(),
      // Nothing is late here.
      sleep: () => new Promise(() => undefined),
      random: markedBytes,
      log: () => undefined,
    });
    if (!deps.ok) throw new Error(deps.failure);
    return http.fetch(new Request(`https://broker.example.com${path}`, init), { deps: deps.value });
  };

  const record = async (route: Route): Promise<Script> => {
    const { path, method, status, prepare } = ROUTES[route];
    const prepared = await prepare?.(MARK, async (before, headers) => {
      const answer = await ask(before, { headers });
      return { location: answer.headers.get('Location') ?? '', cookie: answer.headers.getSetCookie()[0] ?? '' };
    });
    operations = [];
    const answer = await ask(prepared?.path ?? path(MARK), {
      method,
      headers: { 'X-API-Key': API_KEY, ...prepared?.headers },
    });
    const recorded = operations.map((operation) => ({ ...operation }));
    const text = await answer.text();
    if (answer.status !== status) throw new Error(`${route} answered ${answer.status}: ${text}`);
    return { operations: recorded, status, bodyBytes: text.length, location: answer.headers.get('Location') };
  };
  const scripts = {
    auth: await record('auth'),
    callback: await record('callback'),
    status: await record('status'),
    metrics: await record('metrics'),
  };
  // The callback has made the user's connection; the sync is of one that was there before.
  for (const sql of ['DELETE FROM connections WHERE id > 10', ...(await syncableRows(0, 1))]) sqlite.database.exec(sql);
  return { ...scripts, sync: await record('sync') };
};

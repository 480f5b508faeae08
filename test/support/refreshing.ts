import { env } from 'cloudflare:workers';

import { connect, emptyTables, makeApp, startBroker } from './broker.ts';
import { type D1Fault, meterD1, never } from './d1-meter.ts';

/**
 * A broker with connected users, whose every effect (a D1 round trip, a request to Withings) is numbered. An effect can
 * be made to fail, or to be the last thing that its invocation does.
 */
export type Effect = { number: number; kind: 'd1' | 'fetch'; statements: readonly string[]; body: string };
export type Fate = (effect: Effect) => D1Fault;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/**
 * A connection made now is due for refreshing after this, and its access token still good. It is not late yet, which a
 * tick would note. So every run makes the same effects.
 */
export const DUE_MS = 2 * HOUR_MS + 50 * MINUTE_MS;
/** Longer than any lease. */
export const LEASE_MS = 2 * MINUTE_MS + 1_000;

/** Starts a broker on empty tables with one connection per person of the simulator named. */
export const startRefreshing = async (
  persons: readonly string[],
  {
    hook = () => undefined,
    ...options
  }: Pick<NonNullable<Parameters<typeof startBroker>[0]>, 'bindings' | 'settings'> & {
    /** Gets what is sent to the operator's webhook, `ALERT_WEBHOOK_URL`. */
    hook?: (body: string) => void;
  } = {},
) => {
  await emptyTables();
  let effects: Effect[] = [];
  let fate: Fate = () => undefined;
  let beforeAnswer = async (_body: string): Promise<void> => undefined;
  const note = (effect: Pick<Effect, 'kind' | 'statements' | 'body'>): D1Fault => {
    const numbered = { ...effect, number: effects.length + 1 };
    effects.push(numbered);
    return fate(numbered);
  };
  let instead = (_body: string): Response | undefined => undefined;
  let deaths = 0;
  const die = async <Answer>(): Promise<Answer> => {
    deaths += 1;
    return never();
  };
  const meter = meterD1(env.DB);
  meter.failWhen(({ statements }) => note({ kind: 'd1', statements, body: '' }));
  const throughFate =
    (send: typeof fetch): typeof fetch =>
    async (input, init) => {
      if (input === options.bindings?.ALERT_WEBHOOK_URL) {
        hook(typeof init?.body === 'string' ? init.body : '');
        return new Response(null, { status: 204 });
      }
      const body = init?.body instanceof URLSearchParams ? init.body.toString() : '';
      const decided = note({ kind: 'fetch', statements: [], body });
      if (decided === 'refused') throw new TypeError('fetch failed');
      if (decided === 'dies_before') return die();
      const answer = await send(input, init);
      await beforeAnswer(body);
      const other = instead(body);
      if (other !== undefined) return other;
      if (decided === 'answer_lost') throw new TypeError('fetch failed');
      return decided === 'dies_after' ? die() : answer;
    };
  const broker = await startBroker({
    ...options,
    bindings: { ...options.bindings, DB: meter.d1 },
    fetch: throughFate,
  });
  const app = await makeApp(broker);
  for (const person of persons) await connect(broker, app, person, person);

  const rows = async () => {
    const { results } = await env.DB.prepare('SELECT * FROM connections').all<ConnectionRow>();
    return results.sort((left, right) => persons.indexOf(left.user_id) - persons.indexOf(right.user_id));
  };
  const rowOf = async (userId: string): Promise<ConnectionRow> => {
    const row = (await rows()).find(({ user_id }) => user_id === userId);
    if (row === undefined) throw new Error(`${userId} has no connection`);
    return row;
  };
  return {
    broker,
    app,
    meter,
    /** In the order of `persons`. */
    rows,
    rowOf,
    effects: () => effects,
    /** Decides about effects from now on, and numbers them from 1. */
    decide: (decision: Fate) => {
      effects = [];
      meter.reset();
      fate = decision;
    },
    /** How many invocations have died. */
    deaths: () => deaths + meter.deaths(),
    /** Does something while an answer of Withings is on its way. */
    whileAnswering: (act: (body: string) => Promise<void>) => {
      beforeAnswer = act;
    },
    /** Answers something else than Withings does. */
    answerInstead: (answer: (body: string) => Response | undefined) => {
      instead = answer;
    },
    refreshes: () => effects.filter(({ body }) => body.includes('grant_type=refresh_token')).length,
    nonces: () => effects.filter(({ body }) => body.includes('action=getnonce')).length,
    sync: (userId: string) => app.call('POST', `/withings/sync/${userId}`),
    detail: async (userId: string) =>
      (await app.call('GET', `/withings/connections/${userId}`)).json<ConnectionDetail>(),
    /** Moves the clock in steps and ticks after each, as the cron does. */
    run: async (forMs: number, stepMs: number) => {
      for (let passed = 0; passed < forMs; passed += stepMs) {
        broker.advance(stepMs);
        await broker.tick();
      }
    },
  };
};
export type Refreshing = Awaited<ReturnType<typeof startRefreshing>>;

export type ConnectionRow = {
  id: number;
  user_id: string;
  state: string;
  state_reason: string | null;
  token_version: number;
  access_token_sealed: string | null;
  refresh_token_sealed: string | null;
  previous_refresh_token_sealed: string | null;
  next_refresh_at: number | null;
  next_review_at: number | null;
  in_doubt_since: number | null;
  refresh_lease_id: string | null;
  refresh_lease_until: number | null;
  refresh_failures: number;
  refresh_refused_since: number | null;
  sync_refused_since: number | null;
  sync_failures: number;
  last_failure_kind: string | null;
  timeline: string;
};

export type ConnectionDetail = {
  state: string;
  state_reason: string | null;
  state_since: string;
  last_failure: { kind: string; at: string } | null;
  timeline: { kind: string; reason?: string; at: string; until?: string; count?: number }[];
};

/** Sets columns of a user's connection. */
export const setConnection = (userId: string, fields: Partial<ConnectionRow>) =>
  env.DB.prepare(
    `UPDATE connections SET ${Object.keys(fields)
      .map((name) => `${name} = ?`)
      .join(', ')} WHERE user_id = ?`,
  )
    .bind(...Object.values(fields), userId)
    .run();

/** The person ends the broker's access at Withings. */
export const withdraw = ({ broker }: Refreshing, person: string) => {
  const { people, grants } = broker.simulator.state;
  grants.withdraw(people.find(person)?.userid ?? 0);
};

/** Withings rejects the next refresh tokens, good ones too. */
export const rejectRefreshes = ({ broker }: Refreshing, times = 100) =>
  broker.simulator.state.faults.add({ kind: 'reject', grantType: 'refresh_token', times });

export const statesOf = async ({ rows }: Refreshing) => (await rows()).map(({ state }) => state);

/** Whether a user's syncs work, once the cron has had its time and again when every superseded token has died. */
export const stillWorks = async ({ broker, run, sync }: Refreshing, userId: string): Promise<boolean> => {
  await run(10 * HOUR_MS, 2 * HOUR_MS);
  // The last tick may have read a history, and used up the syncs' share for the moment.
  broker.advance(MINUTE_MS);
  const soon = await sync(userId);
  broker.advance(9 * HOUR_MS);
  const later = await sync(userId);
  return soon.ok && later.ok;
};

/** Lets background work go on until something has come of it. */
export const until = async (hasHappened: () => boolean): Promise<void> => {
  while (!hasHappened()) await scheduler.wait(1);
};

import type { TokenOwner } from '../../src/broker/tokens/sealed-tokens.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { ShareName } from '../../src/store/tokens/withings-quota.ts';
import type { Sent, SqliteD1 } from '../support/sqlite-d1.ts';
import type { Task } from '../support/turns.ts';

/** Requests a minute that the cron, the syncs and the subscriptions may make: small, so that they are reached. */
export const SHARES = { cron: 6, sync: 8, notify: 6 } satisfies Partial<Record<ShareName, number>>;
/** Longer than a schedule holds an isolate up. */
const LONGEST_HELD_UP_MS = 2 * 86_400_000;
/** When the client gives a request up. */
export const TIMEOUT_MS = 10_000;

/**
 * Watches what must never happen, from outside: at Withings' door and in the database, not in the broker's own words.
 *
 * - No access token is used before its pair is stored.
 * - No two refreshes of one grant are on their way at once.
 * - Nothing is written back after a disconnect.
 * - No share of Withings' requests is overdrawn in any 60 seconds. A request counts from when it was granted: it leaves at once unless its
 *   isolate is held up, and then at most a lease later.
 */
export const observe = ({ shared, simulator, now, taskName, open }: Observed) => {
  const violations: string[] = [];
  /** What each task was last granted: when, and out of which share. */
  const granted = new Map<string, { share: string; at: number }>();
  const asked = { cron: [], sync: [], notify: [] } as Record<keyof typeof SHARES, number[]>;
  const refreshing: { grant: number; userid: number; call: Call }[] = [];
  const unopened = new Map<string, TokenOwner>();
  const stored = new Set<string>();
  /** Users who got the answer that they are disconnected, and whose row must stay so. */
  const disconnected = new Set<string>();
  const { database } = shared;
  const blobs = database.prepare(
    'SELECT id, app_id, access_token_sealed FROM connections WHERE access_token_sealed IS NOT NULL',
  );
  const rowOf = database.prepare(
    'SELECT state, access_token_sealed, refresh_token_sealed FROM connections WHERE user_id = ?',
  );

  const noteStored = () => {
    for (const { id, app_id: appId, access_token_sealed: blob } of blobs.all()) {
      unopened.set(String(blob), { appId: asAppId(String(appId)), connectionId: asConnectionId(Number(id)) });
    }
  };
  noteStored();
  const checkDisconnected = () => {
    for (const user of disconnected) {
      const row = rowOf.get(user);
      if (row === undefined) continue;
      const forgotten = row['access_token_sealed'] === null && row['refresh_token_sealed'] === null;
      if (row['state'] !== 'disconnected' || !forgotten) violations.push(`written back after ${user} was disconnected`);
    }
  };
  const isTake = ({ sql }: Sent) => /INSERT INTO request_budgets[^]*RETURNING/.test(sql);
  shared.observe((statements) => {
    for (const sent of statements) {
      const [at, share] = sent.params;
      if (isTake(sent)) granted.set(taskName(), { share: share as string, at: Number(at) });
      if (sent.sql.includes('access_token_sealed')) noteStored();
    }
    if (disconnected.size > 0) checkDisconnected();
  });

  const countAgainstShare = (share: keyof typeof SHARES, at: number) => {
    // One that was held up counts from when it was granted, which may be long ago.
    const times = [...asked[share].filter((time) => time > at - LONGEST_HELD_UP_MS), at];
    asked[share] = times;
    // Only the windows that this request is in can have become too full.
    for (const end of times.filter((time) => time >= at && time < at + 60_000)) {
      const inWindow = times.filter((time) => time > end - 60_000 && time <= end).length;
      if (inWindow > SHARES[share]) violations.push(`${share} asked ${inWindow} times in a minute`);
    }
  };
  const countRefresh = (token: string, call: Call) => {
    const { id: grant = 0, userid = 0 } = simulator.state.grants.byRefreshToken(token)?.grant ?? {};
    const beside = refreshing.some(
      (other) => other.grant === grant && !other.call.done && now() - other.call.sentAt < TIMEOUT_MS,
    );
    if (beside) violations.push('two refreshes of one connection at once');
    refreshing.push({ grant, userid, call });
  };

  return {
    violations,
    disconnected,
    /** A request leaves the broker. */
    sent: (task: Task, init: RequestInit | undefined): Call => {
      const call = { task, sentAt: now(), done: false, tookEffect: false, broughtPair: false };
      const form = formOf(init);
      const take = granted.get(task.name);
      if (take === undefined) violations.push('a request that no share granted');
      else if (take.share in SHARES) countAgainstShare(take.share as keyof typeof SHARES, take.at);
      const refreshToken = form.get('refresh_token');
      if (refreshToken !== null) countRefresh(refreshToken, call);
      return call;
    },
    /** Withings carries it out. */
    carryOut: async (call: Call, run: () => Promise<Response>): Promise<Response> => {
      const pairs = () => simulator.state.grants.all().reduce((sum, grant) => sum + grant.pairs.length, 0);
      const before = pairs();
      try {
        return await run();
      } finally {
        call.tookEffect = pairs() > before;
      }
    },
    /** Its answer reaches the broker. */
    answered: (call: Call, body: string): void => {
      call.broughtPair = /^\{"status":0.*"refresh_token".*\}\}$/s.test(body);
    },
    /**
     * Whether a pair of this person may have been lost on the way, to no fault of the broker's: it never came, or its invocation was killed, or
     * KV failed.
     */
    mayHaveMissed: (userid: number): boolean =>
      refreshing.some(
        ({ userid: whose, call: { tookEffect, broughtPair, task } }) =>
          whose === userid && tookEffect && (!broughtPair || task.killed || task.kvFailed === true),
      ),
    /** A request reaches Withings. */
    arrives: async (init: RequestInit | undefined): Promise<void> => {
      const bearer = new Headers(init?.headers).get('authorization')?.replace('Bearer ', '');
      if (bearer === undefined || stored.has(bearer)) return;
      for (const [blob, owner] of unopened) {
        stored.add((await open(blob, owner)) ?? '');
        unopened.delete(blob);
      }
      if (!stored.has(bearer)) violations.push('an access token was used before its pair was stored');
    },
  };
};

type Observed = {
  shared: SqliteD1;
  simulator: Simulator;
  now: () => number;
  /** Whose round trip it is. */
  taskName: () => string;
  open: (blob: string, owner: TokenOwner) => Promise<string | undefined>;
};

/** A request under way. */
export type Call = { task: Task; sentAt: number; done: boolean; tookEffect: boolean; broughtPair: boolean };

const formOf = (init: RequestInit | undefined): URLSearchParams =>
  init?.body instanceof URLSearchParams ? init.body : new URLSearchParams();

import type { ConnectionId } from '../domain/connection-id.ts';
import type { Failure, StorageFailure } from '../domain/failure.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { SECOND_MS } from '../domain/time.ts';
import type { Db } from '../store/d1.ts';
import {
  type ShareName,
  recordWait,
  type Share,
  type Take,
  takeQuota,
  whyRefused,
} from '../store/tokens/withings-quota.ts';
import type { MeasureQuery, WithingsClient } from '../withings/client.ts';
import type { Outcome } from '../withings/outcome.ts';

/**
 * All requests to Withings. Each needs a reservation, and only `reserve` and `reserveWith` make one. Withings counts
 * the requests of the whole client. So a request that is not counted here would exceed the shares.
 */

/** Who asks, and about what. */
export type Asker = Omit<Take, 'name' | 'share' | 'count'> & { share: ShareName };

export type { Reservation };

/** Requests to Withings that a share has granted and that were not made yet. */
class Reservation {
  readonly connectionId: ConnectionId | undefined;
  #left: number;

  constructor(count: number, connectionId: ConnectionId | undefined) {
    this.#left = count;
    this.connectionId = connectionId;
  }

  get left(): number {
    return this.#left;
  }

  /** Adds what was granted later. */
  join(other: Reservation): void {
    this.#left += other.#left;
    other.#left = 0;
  }

  spend(count: number): void {
    if (count > this.#left) throw new Error('more requests to Withings than were granted');
    this.#left -= count;
  }
}

/** Shares of the 120 requests a minute that Withings grants the whole client. */
export type Shares = Record<ShareName, Share>;

type Parts = {
  client: WithingsClient;
  db: Db;
  shares: Shares;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
};

/** The quotas: what makes reservations. */
const quotasOf = ({ db, shares, now, sleep }: Parts) => {
  /**
   * Takes requests from a share, in one transaction with statements that may depend on it.
   *
   * @param following see `takeQuota`
   * @param preceding see `takeQuota`
   * @returns the reservation, if there is one, and what the statements answered; `storage_unavailable`
   */
  const reserveWith = async (
    { share: name, ...about }: Asker,
    count: number,
    following: readonly D1PreparedStatement[],
    preceding: readonly D1PreparedStatement[] = [],
  ): Promise<Result<{ granted: Reservation | undefined; results: D1Result[] }, StorageFailure>> => {
    const taken = await takeQuota(db, { ...about, name, share: shares[name], count }, now(), following, preceding);
    if (!taken.ok) return taken;
    const { granted, results } = taken.value;
    if (granted !== undefined && granted.waitMs > 0) await sleep(granted.waitMs);
    return ok({ granted: granted && new Reservation(count, about.connectionId), results });
  };

  /** Why nothing was granted: `over_share`, `storage_unavailable`, or `withings_unavailable` if it has to wait. */
  const whyNot = async ({ share: name, ...about }: Asker, count: number): Promise<Failure> => {
    const refusal = await whyRefused(db, { ...about, name, share: shares[name], count }, now());
    if (!refusal.ok) return refusal.failure;
    const { kind, retryAfterSeconds } = refusal.value;
    return kind === 'used_up'
      ? { kind: 'over_share', retryAfterSeconds }
      : { kind: 'withings_unavailable', cause: 'throttled', retryAfterSeconds };
  };

  /** Takes requests from a share: the reservation, or a failure of `whyNot`. */
  const reserve = async (asker: Asker, count: number): Promise<Result<Reservation, Failure>> => {
    const taken = await reserveWith(asker, count, []);
    if (!taken.ok) return taken;
    return taken.value.granted === undefined ? fail(await whyNot(asker, count)) : ok(taken.value.granted);
  };

  return { reserve, reserveWith, whyNot };
};

export type Withings = ReturnType<typeof meterWithings>;

/** Puts the quotas before the client. */
export const meterWithings = (parts: Parts) => {
  const { client, db, now } = parts;
  /** Makes a granted request. If Withings answers 601, the wait is recorded for the connection. */
  const ask = async <Value>(
    granted: Reservation,
    count: number,
    call: () => Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> => {
    granted.spend(count);
    const outcome = await call();
    if (!outcome.ok && outcome.failure.kind === 'throttled' && granted.connectionId !== undefined) {
      const at = now();
      await recordWait(db, granted.connectionId, at + outcome.failure.retryAfterSeconds * SECOND_MS, at);
    }
    return outcome;
  };

  return {
    ...quotasOf(parts),
    /** See the client's. Asks nothing of Withings. */
    authorizeUrl: client.authorizeUrl,
    /** One request. */
    exchangeCode: (granted: Reservation, request: Parameters<WithingsClient['exchangeCode']>[0]) =>
      ask(granted, 1, () => client.exchangeCode(request)),
    /** One request. */
    refreshTokens: (granted: Reservation, request: Parameters<WithingsClient['refreshTokens']>[0]) =>
      ask(granted, 1, () => client.refreshTokens(request)),
    /** One request. */
    proveClient: (granted: Reservation) => ask(granted, 1, () => client.proveClient()),
    /** One request. */
    measureGroups: (granted: Reservation, query: MeasureQuery) => ask(granted, 1, () => client.measureGroups(query)),
    /** Two requests: a nonce, and the revocation. */
    revoke: (granted: Reservation, request: Parameters<WithingsClient['revoke']>[0]) =>
      ask(granted, 2, () => client.revoke(request)),
    /** One request. */
    subscribe: (granted: Reservation, request: Parameters<WithingsClient['subscribe']>[0]) =>
      ask(granted, 1, () => client.subscribe(request)),
    /** One request. */
    listSubscriptions: (granted: Reservation, request: Parameters<WithingsClient['listSubscriptions']>[0]) =>
      ask(granted, 1, () => client.listSubscriptions(request)),
    /** One request. */
    revokeSubscription: (granted: Reservation, request: Parameters<WithingsClient['revokeSubscription']>[0]) =>
      ask(granted, 1, () => client.revokeSubscription(request)),
  };
};

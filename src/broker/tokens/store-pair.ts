import type { StorageFailure } from '../../domain/failure.ts';
import { isOldTokenAccepted, nextRefreshAt } from '../../domain/refresh.ts';
import { ok, type Result } from '../../domain/result.ts';
import { MINUTE_MS } from '../../domain/time.ts';
import { isRotated, recordRotation, type Rotation, rotationStatement } from '../../store/tokens/refresh-end.ts';
import type { ToRefresh } from '../../store/tokens/refresh-lease.ts';
import { type Deps, uniform } from '../deps.ts';
import { logAbout } from '../log.ts';
import { alarmAtOnce } from '../operator/alarm-at-once.ts';
import { askerOf, type Beginning, beginWith, type RefreshRun } from './begin-refresh.ts';
import { forgetParked, type ParkedPair, parkedPairOf, parkPair } from './parked-pair.ts';
import { onSealFailure } from './refresh-failed.ts';
import { earlierDoubt, releaseLease, heldBy, type RefreshOutcome, superseded } from './refresh-run.ts';
import { sealTokens } from './sealed-tokens.ts';

/** Stores a new pair in D1, or in KV until D1 accepts it. */

/** The connection to refresh next, if there is one. */
export type TakeNext = () => ToRefresh | undefined;

type Stored = { isStored: boolean; next: Beginning | undefined };

/** Stores a pair. If D1 refuses it, KV keeps it. If KV refuses it too, an alarm is sent at once. */
export const storeOrPark = async (
  deps: Deps,
  run: RefreshRun,
  pair: ParkedPair,
  usedRefreshTokenSealed: string,
  takeNext: TakeNext,
): Promise<Result<Stored, StorageFailure>> => {
  let stored: Result<Stored, StorageFailure> | undefined;
  try {
    const rotation = await rotationOf(deps, run, pair, usedRefreshTokenSealed);
    stored = await store(deps, run, rotation, takeNext());
    return stored;
  } finally {
    // Also after a bug, which throws.
    if (stored?.ok !== true) await park(deps, run, pair);
  }
};

const park = async (deps: Deps, run: RefreshRun, pair: ParkedPair): Promise<void> => {
  if (await parkPair(deps, run, pair)) {
    return logAbout(deps, run.tokens, { level: 'warn', event: 'refresh', outcome: 'parked', reason: run.cause.share });
  }
  return alarmAtOnce(deps, 'tokens_not_stored', 'neither D1 nor KV takes them');
};

/**
 * Stores a pair in one round trip with what follows. In a tick the next refresh begins. A sync takes a request in place
 * of the one that the refresh used.
 */
const store = async (
  deps: Deps,
  run: RefreshRun,
  rotation: Rotation,
  next: ToRefresh | undefined,
): Promise<Result<Stored, StorageFailure>> => {
  const { tokens, cause } = run;
  const now = deps.now();
  const statement = rotationStatement(deps.db, heldBy(run), rotation, now);
  if (next !== undefined) {
    const begun = await beginWith(deps, next, { share: cause.share, isUse: cause.isUse }, [statement]);
    if (!begun.ok) return begun;
    const { beginning, results } = begun.value;
    return ok({ isStored: isRotated(results[0]), next: beginning });
  }
  if (cause.granted !== undefined) {
    const taken = await deps.withings.reserveWith(askerOf(tokens, cause), 1, [statement]);
    if (!taken.ok) return taken;
    const { granted, results } = taken.value;
    if (granted !== undefined) cause.granted.join(granted);
    return ok({ isStored: isRotated(results[0]), next });
  }
  const recorded = await recordRotation(deps.db, heldBy(run), rotation, now);
  return recorded.ok ? ok({ isStored: recorded.value, next }) : recorded;
};

const rotationOf = async (
  deps: Deps,
  run: RefreshRun,
  { accessToken, refreshToken, accessExpiresAt }: ParkedPair,
  usedRefreshTokenSealed: string,
): Promise<Rotation> => ({
  ...(await sealTokens(deps, run.tokens, { accessToken, refreshToken })),
  previousRefreshTokenSealed: usedRefreshTokenSealed,
  accessExpiresAt,
  nextRefreshAt: dueAfter(deps, run, accessExpiresAt),
  // An unused connection has a good token now, so the cron polls it too.
  pollAt: ['cron', 'notify'].includes(run.cause.share) && !isUsedLately(deps, run) ? deps.now() : undefined,
});

const isUsedLately = ({ settings, now }: Deps, { tokens: { lastUsedAt } }: RefreshRun): boolean =>
  lastUsedAt !== undefined && now() - lastUsedAt < settings.refreshPolicy.usedLatelyMs;

/** When a connection with a pair that ends then is due. */
const dueAfter = (deps: Deps, run: RefreshRun, accessExpiresAt: number): number => {
  const now = deps.now();
  // A pair that was parked for hours. Its access token has expired.
  if (accessExpiresAt <= now) return now;
  const lastUsedAt = run.cause.isUse ? now : run.tokens.lastUsedAt;
  const stored = { accessExpiresAt, lastUsedAt, wasInDoubt: earlierDoubt(run) !== undefined };
  return nextRefreshAt(stored, deps.settings.refreshPolicy, now, uniform(deps.random));
};

/** The pause of a connection in doubt while KV does not answer. */
const UNREADABLE_PAUSE_MS = 10 * MINUTE_MS;

/**
 * Stores the pair that an earlier refresh left in KV. KV is read only if an earlier refresh is in doubt.
 *
 * @returns undefined if there is no such pair: then the stored refresh token is sent
 */
export const recover = async (deps: Deps, run: RefreshRun): Promise<RefreshOutcome | undefined> => {
  const since = earlierDoubt(run);
  if (since === undefined) return undefined;
  const { tokens } = run;
  const parked = await parkedPairOf(deps, tokens);
  switch (parked.kind) {
    case 'none':
      return undefined;
    case 'unreadable':
      // If the old refresh token is no longer accepted, sending it would end a connection whose pair may be in KV.
      return isOldTokenAccepted(since, deps.now()) ? undefined : postpone(deps, run);
    case 'key_missing':
      return onSealFailure(deps, run, { kind: 'key_missing' });
    case 'found': {
      const rotation = await rotationOf(deps, run, parked.pair, tokens.refreshTokenSealed ?? '');
      const stored = await recordRotation(deps.db, heldBy(run), rotation, deps.now());
      if (!stored.ok) return { kind: 'failed', failure: stored.failure, reach: 'perhaps_all' };
      if (!stored.value) return superseded(deps, run);
      forgetParked(deps, tokens);
      return { kind: 'recovered' };
    }
  }
};

const postpone = async (deps: Deps, run: RefreshRun): Promise<RefreshOutcome> => {
  await releaseLease(deps, run, deps.now() + UNREADABLE_PAUSE_MS);
  const failure = { kind: 'storage_unavailable', store: 'kv', retryAfterSeconds: 60 } as const;
  return { kind: 'failed', failure, reach: 'one' };
};

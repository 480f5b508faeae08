import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type EpochMs, SECOND_MS } from '../../domain/time.ts';
import { accountsInUse } from '../../store/users/erasure.ts';
import type { Deps } from '../deps.ts';
import type { Reservation } from '../withings.ts';

/**
 * How many accounts had their authorization revoked, how many kept it because a user is connected by it, and for how
 * many the revocation failed.
 */
export type Revocations = { revoked: number; kept: number; failed: number };

/** A revocation takes two requests: a nonce and the revocation. */
const REQUESTS_PER_REVOCATION = 2;
/** How long the revocations of one call wait for requests, of which the share grants one in ten seconds. */
const MAX_WAIT_MS = 20 * SECOND_MS;
/** Each revocation takes two D1 calls too, and an invocation of the free plan has 50. */
const MAX_CALLS = 40;

/**
 * Revokes at Withings the authorization of those accounts that no user is connected by through this broker: a
 * revocation acts on the person. If one fails, the person can remove the authorization at Withings.
 *
 * `isToRepeat`: something is to be revoked, and Withings was asked of nothing, because no request was left.
 */
export const revokeUnused = async (
  deps: Deps,
  withingsUserIds: readonly string[],
): Promise<Result<{ revocations: Revocations; isToRepeat: boolean }, Failure>> => {
  if (withingsUserIds.length === 0) return ok({ revocations: { revoked: 0, kept: 0, failed: 0 }, isToRepeat: false });
  const inUse = await accountsInUse(deps.db, withingsUserIds, deps.now());
  if (!inUse.ok) return inUse;
  const unused = withingsUserIds.filter((id) => !inUse.value.has(id));
  const revocations = { revoked: 0, kept: withingsUserIds.length - unused.length, failed: 0 };
  const until = deps.now() + MAX_WAIT_MS;
  let asked = 0;
  for (const withingsUserId of unused) {
    const granted = await requestsBy(deps, until);
    if (granted !== undefined) asked += 1;
    revocations[granted === undefined ? 'failed' : await revoke(deps, granted, withingsUserId)] += 1;
  }
  return ok({ revocations, isToRepeat: unused.length > 0 && asked === 0 });
};

const requestsBy = async (deps: Deps, until: EpochMs): Promise<Reservation | undefined> => {
  if (deps.db.calls.made > MAX_CALLS) return undefined;
  const waitMs = Math.max(0, until - deps.now());
  const granted = await deps.withings.reserve({ share: 'other', waitMs }, REQUESTS_PER_REVOCATION);
  return granted.ok ? granted.value : undefined;
};

/** The nonce may take seconds. After it, the broker checks again whether a user has linked the account. */
const revoke = async (deps: Deps, granted: Reservation, withingsUserId: string): Promise<keyof Revocations> => {
  let isKept = false;
  const revoked = await deps.withings.revoke(granted, {
    withingsUserId,
    unless: async () => {
      const inUse = await accountsInUse(deps.db, [withingsUserId], deps.now());
      isKept = !inUse.ok || inUse.value.size > 0;
      return isKept;
    },
  });
  if (!revoked.ok) return 'failed';
  return isKept ? 'kept' : 'revoked';
};

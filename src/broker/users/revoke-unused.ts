import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { accountsInUse } from '../../store/users/erasure.ts';
import type { Deps } from '../deps.ts';

/**
 * How many accounts had their authorization revoked, how many kept it because a user is connected by it, and for how
 * many the revocation failed.
 */
export type Revocations = { revoked: number; kept: number; failed: number };

/** A revocation takes two requests: a nonce and the revocation. */
const REQUESTS_PER_REVOCATION = 2;
/** How long a revocation waits for its turn. */
const MAX_WAIT_MS = 10 * SECOND_MS;
/** Each revocation takes two D1 calls too, and an invocation of the free plan has 50. */
const MAX_CALLS = 40;

/**
 * Revokes at Withings the authorization of those accounts that no user is connected by through this broker: a
 * revocation acts on the person. If one fails, the person can remove the authorization at Withings.
 */
export const revokeUnused = async (
  deps: Deps,
  withingsUserIds: readonly string[],
): Promise<Result<Revocations, Failure>> => {
  const revocations = { revoked: 0, kept: 0, failed: 0 };
  if (withingsUserIds.length === 0) return ok(revocations);
  const inUse = await accountsInUse(deps.db, withingsUserIds, deps.now());
  if (!inUse.ok) return inUse;
  for (const withingsUserId of withingsUserIds) {
    revocations[inUse.value.has(withingsUserId) ? 'kept' : await revoke(deps, withingsUserId)] += 1;
  }
  return ok(revocations);
};

/** The nonce may take seconds. After it, the broker checks again whether a user has linked the account. */
const revoke = async (deps: Deps, withingsUserId: string): Promise<keyof Revocations> => {
  if (deps.db.calls.made > MAX_CALLS) return 'failed';
  const granted = await deps.withings.reserve({ share: 'other', waitMs: MAX_WAIT_MS }, REQUESTS_PER_REVOCATION);
  if (!granted.ok) return 'failed';
  let isKept = false;
  const revoked = await deps.withings.revoke(granted.value, {
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

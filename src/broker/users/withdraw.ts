import { hashUser } from '../../crypto/user-hash.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { Actor } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { UserId } from '../../domain/user-id.ts';
import { addAuditEntry } from '../../store/apps/audit.ts';
import { holdingsOf } from '../../store/users/erasure.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';
import { disconnect } from './connection-state.ts';
import { type Revocations, revokeUnused } from './revoke-unused.ts';

/**
 * Disconnects a user, and revokes the authorization at Withings of every account that the user is or was connected to.
 * As in an erasure, an account that another connection holds keeps it. The tokens are deleted first, so a failed
 * revocation leaves a disconnected user, and the same call tries it again.
 */
export const withdraw = async (
  deps: Deps,
  { appId, userId, by }: { appId: AppId; userId: UserId; by: Actor },
): Promise<Result<Revocations, Failure>> => {
  const holdings = await holdingsOf(deps.db, appId, userId);
  if (!holdings.ok) return holdings;
  const disconnected = await disconnect(deps, { appId, userId, by });
  if (!disconnected.ok) return disconnected;
  const revoked = await revokeUnused(deps, holdings.value.withingsUserIds);
  if (!revoked.ok) return revoked;
  const { revocations } = revoked.value;
  if (holdings.value.withingsUserIds.length === 0) return ok(revocations);
  const subject = await hashUser(deps.keyring, appId, userId);
  const detail = { ...revocations };
  const noted = await addAuditEntry(
    deps.db,
    auditStatementFor(deps, by, { action: 'user.withdrawn', appId, subject, detail, always: true }),
  );
  return noted.ok ? ok(revocations) : noted;
};

import { mintId } from '../../crypto/credential.ts';
import { hashUser } from '../../crypto/user-hash.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { Actor } from '../../domain/audit.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { UserId } from '../../domain/user-id.ts';
import { endUserTokensStatement } from '../../store/access/user-tokens.ts';
import { forgetStatements } from '../../store/notify/subscriptions.ts';
import { deleteBodyData, deleteConnections, holdingsOf } from '../../store/users/erasure.ts';
import { forgetAnswersStatement } from '../../store/webhooks/answers.ts';
import { erasedEventStatement } from '../../store/webhooks/events.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';
import { newEvent } from '../webhooks/record.ts';
import { disconnect } from './connection-state.ts';
import { type Revocations, revokeUnused } from './revoke-unused.ts';

/** What an erasure removed, and what happened to the authorizations at Withings. */
export type Erasure = {
  /** False if only a part was done. The same call continues. */
  complete: boolean;
  removed: { connections: number; pendingConnections: number; measurements: number; groups: number; sources: number };
  withings: Revocations;
};

/** Rows of one table that one statement deletes. */
const ROWS_AT_ONCE = 10_000;
/** Statements for body data in one call. The rest is left to the next call. */
const MAX_ROUNDS = 12;

/**
 * Erases a user: connections to all Withings accounts, pending ones, tokens, measurements. Tokens go first, so that no
 * running refresh or sync writes anything back. A repetition removes what is left.
 *
 * Withings' authorization is revoked only if no user is connected to that account through this broker, because a
 * revocation acts on the person. If no request is left for it, the next call does it. If it fails, the erasure
 * continues and says so: the person can remove the authorization at Withings.
 *
 * A link that is made during the erasure stays. It is not revoked and not counted as erased. If it brought data into
 * what was to be erased, the erasure is not complete.
 */
export const eraseUser = async (
  deps: Deps,
  by: Actor,
  { appId, userId }: { appId: AppId; userId: UserId },
): Promise<Result<Erasure, Failure>> => {
  const holdings = await holdingsOf(deps.db, appId, userId);
  if (!holdings.ok) return holdings;
  const { connectionIds, pending, withingsUserIds } = holdings.value;
  const erasure: Erasure = {
    complete: true,
    removed: { connections: 0, pendingConnections: pending, measurements: 0, groups: 0, sources: 0 },
    withings: { revoked: 0, kept: 0, failed: 0 },
  };
  if (connectionIds.length === 0 && pending === 0) return ok(erasure);
  const subject = await hashUser(deps.keyring, appId, userId);
  const epoch = mintId('erasure', deps.random);
  const ended = endUserTokensStatement(deps.db, { appId, userHash: subject, epoch }, deps.now());
  const forgotten = await disconnect(deps, { appId, userId, by }, [ended]);
  if (!forgotten.ok) return forgotten;

  const emptied = await emptyConnections(deps, connectionIds, erasure);
  if (!emptied.ok) return emptied;
  if (!emptied.value) return ok({ ...erasure, complete: false });

  const revoked = await revokeUnused(deps, withingsUserIds);
  if (!revoked.ok) return revoked;
  if (revoked.value.isToRepeat) return ok({ ...erasure, complete: false });
  erasure.withings = revoked.value.revocations;
  const detail = { pendingConnections: pending, ...erasure.withings };
  const audit = auditStatementFor(deps, by, {
    action: 'user.erased',
    appId,
    subject,
    detail,
    always: true,
    changesAs: 'connections',
  });
  const deleted = await deleteConnections(deps.db, connectionIds, [
    audit,
    ...forgetStatements(deps.db, withingsUserIds),
    erasedEventStatement(deps.db, { ...newEvent(deps, { appId, type: 'user.erased' }), userId }),
    forgetAnswersStatement(deps.db, appId, deps.now()),
  ]);
  if (!deleted.ok) return deleted;
  const { removed: count, refilled } = deleted.value;
  erasure.removed.connections = count;
  deps.log({ level: 'info', event: 'erasure', outcome: 'erased', appId, userHash: subject, count });
  return ok({ ...erasure, complete: refilled === 0 });
};

/** Deletes a bounded part of the body data of connections. Returns whether all of it is gone. Counts into `erasure`. */
const emptyConnections = async (
  deps: Deps,
  connectionIds: readonly ConnectionId[],
  { removed }: Erasure,
): Promise<Result<boolean, Failure>> => {
  for (let rounds = 0; rounds < MAX_ROUNDS; rounds += 1) {
    const deleted = await deleteBodyData(deps.db, connectionIds, ROWS_AT_ONCE);
    if (!deleted.ok) return deleted;
    const { measurements, groups, sources, kinds, relinked } = deleted.value;
    removed.measurements += measurements;
    removed.groups += groups;
    removed.sources += sources;
    if (relinked) return ok(false);
    if (Math.max(measurements, groups, sources, kinds) < ROWS_AT_ONCE) return ok(true);
  }
  return ok(false);
};

import { derivedId } from '../../crypto/credential.ts';
import { hashUser } from '../../crypto/user-hash.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { Actor } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { type EpochMs, HOUR_MS } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { addAuditEntry } from '../../store/apps/audit.ts';
import { shownPending } from '../../store/link/pending-connections.ts';
import {
  everyConnectionOf,
  type ExportedConnection,
  type ExportedGroup,
  groupsAfter,
} from '../../store/metrics/export.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';

/** Where a page of an export starts: after this group of this connection. */
export type ExportPosition = { connectionId: number; groupId: number };

/** A page of what is stored about a user. Each page has all connections; groups follow connection by connection. */
export type ExportPage = {
  connections: ExportedConnection[];
  pendingSince: EpochMs | undefined;
  groups: { withingsUserId: string; group: ExportedGroup }[];
  next: ExportPosition | undefined;
};

const GROUPS_PER_PAGE = 500;

/**
 * Everything that is stored about a user except tokens, in pages. A page has the connections to all Withings accounts,
 * and some of their groups with every value, those of segments and ambiguous ones included.
 *
 * @returns `not_found` for a user of whom nothing is stored
 */
export const exportUser = async (
  deps: Deps,
  by: Actor,
  { appId, userId }: { appId: AppId; userId: UserId },
  from: ExportPosition | undefined,
): Promise<Result<ExportPage, Failure>> => {
  const found = await everyConnectionOf(deps.db, appId, userId);
  if (!found.ok) return found;
  const pending = await shownPending(deps.db, appId, userId, deps.now());
  if (!pending.ok) return pending;
  const connections = found.value;
  if (connections.length === 0 && pending.value === undefined) return fail({ kind: 'not_found', what: 'user' });
  const audited = await recordExport(deps, by, { appId, userId });
  if (!audited.ok) return audited;
  const page = { connections, pendingSince: pending.value?.since };
  const index = from === undefined ? 0 : connections.findIndex(({ id }) => id >= from.connectionId);
  const connection = connections[index];
  if (connection === undefined) return ok({ ...page, groups: [], next: undefined });
  const afterGroupId = connection.id === from?.connectionId ? from.groupId : 0;
  const groups = await groupsAfter(deps.db, connection.id, afterGroupId, GROUPS_PER_PAGE);
  if (!groups.ok) return groups;
  const following = connections[index + 1];
  const last = groups.value.at(-1);
  const isFull = groups.value.length === GROUPS_PER_PAGE && last !== undefined;
  const next = isFull
    ? { connectionId: connection.id, groupId: last.groupId }
    : following && { connectionId: following.id, groupId: 0 };
  const { withingsUserId } = connection;
  return ok({ ...page, groups: groups.value.map((group) => ({ withingsUserId, group })), next });
};

/**
 * Writes an audit entry of the export, once an hour for any number of pages. An export that starts at a cursor counts
 * too. The entry's id is derived from its content and the hour, so it is written once.
 */
const recordExport = async (
  deps: Deps,
  by: Actor,
  { appId, userId }: { appId: AppId; userId: UserId },
): Promise<Result<void, Failure>> => {
  const subject = await hashUser(deps.keyring, appId, userId);
  const hour = Math.floor(deps.now() / HOUR_MS);
  const id = await derivedId('audit', [hour, appId, subject, by.id, by.tokenId ?? null, by.surface]);
  return addAuditEntry(
    deps.db,
    auditStatementFor(deps, by, { action: 'user.exported', appId, subject, always: true, id }),
  );
};

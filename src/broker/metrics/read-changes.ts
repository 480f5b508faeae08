import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { NO_USER, type UserId } from '../../domain/user-id.ts';
import { type ExportedGroup, type GroupName, groupsAfter, groupsNamed } from '../../store/metrics/export.ts';
import { type ChangedConnection, connectionsToRead, startReadingChanges } from '../../store/sync/changes.ts';
import type { Deps } from '../deps.ts';

/**
 * The position of a reader in an app's changes:
 * 1. A new reader gets every user whole.
 * 2. Then it follows the order of changes, in passes. It has all changes up to `since`.
 * 3. A connection that changes during a pass moves to the end of the order. The reader meets it there, with everything
 *    after `since`.
 * 4. `since` moves only when a pass has reached the end. So no change is missed.
 */
export type ChangesPosition = {
  since: number;
  /** In this pass, connections up to here were read. */
  at: { userId: UserId } | { seq: number };
  /** Where the last connection was left unfinished: after this group, of all groups or of those that changed. */
  unfinished: { connectionId: ConnectionId; afterGroupId: number; isWhole: boolean } | undefined;
};

/** A group in its current state. */
export type ChangedGroup = ExportedGroup;

/**
 * One change of one user: the current state of a group, its deletion, or `reset`: everything known of the user is
 * replaced by what follows.
 */
export type Change =
  | { kind: 'group'; userId: UserId; group: ChangedGroup }
  | { kind: 'deleted'; userId: UserId; groupId: number }
  | { kind: 'reset'; userId: UserId };

/** A page of changes. `hasMore` if the next one is ready. */
export type ChangesPage = { changes: Change[]; next: ChangesPosition; hasMore: boolean };

/** How many connections one round trip reads. */
const MAX_CONNECTIONS = 100;
/** The free plan allows 50 D1 calls in an invocation. Each user who is read whole takes one. The rest end the page. */
const MAX_CALLS = 38;

/**
 * The changes of all users of an app, at most `limit`. The rows read depend on the changes, not on the number of users.
 * A reader without a position gets every user whole. From then on changes are recorded.
 */
export const readChanges = async (
  deps: Deps,
  appId: AppId,
  from: ChangesPosition | undefined,
  limit: number,
): Promise<Result<ChangesPage, Failure>> => {
  const begun = from === undefined ? await begin(deps, appId) : ok(from);
  if (!begun.ok) return begun;
  const start = begun.value;
  const most = Math.min(limit, MAX_CONNECTIONS);
  const { at: after, unfinished } = start;
  const found = await connectionsToRead(deps.db, { appId, after, unfinished: unfinished?.connectionId, limit: most });
  if (!found.ok) return found;
  const { following } = found.value;
  const entries: Entry[] = [];
  let position = start;

  for (const visit of visitsOf(start, found.value)) {
    if (entries.length >= limit || deps.db.calls.made >= MAX_CALLS) {
      return finish(deps, entries, position, true);
    }
    const read = await readConnection(deps, visit, limit - entries.length);
    if (!read.ok) return read;
    entries.push(...read.value.entries);
    position = { since: start.since, at: visit.at, unfinished: read.value.unfinished };
    if (position.unfinished !== undefined) return finish(deps, entries, position, true);
  }
  // It was left unfinished, and was erased since.
  position = { ...position, unfinished: undefined };
  if (following.length === most) return finish(deps, entries, position, true);
  if ('userId' in position.at) return finish(deps, entries, { ...position, at: { seq: start.since } }, true);
  return finish(deps, entries, { ...position, since: position.at.seq }, false);
};

const begin = async (deps: Deps, appId: AppId): Promise<Result<ChangesPosition, Failure>> => {
  const end = await startReadingChanges(deps.db, appId);
  return end.ok ? ok({ since: end.value, at: { userId: NO_USER }, unfinished: undefined }) : end;
};

/** A connection to read: from where, and the position of the reader after it. */
type Visit = {
  connection: ChangedConnection;
  at: ChangesPosition['at'];
  /** Undefined to read everything. */
  groupIds: number[] | undefined;
  /** Undefined at its beginning. */
  afterGroupId: number | undefined;
};

const visitsOf = (
  { since, at, unfinished }: ChangesPosition,
  found: { unfinished: ChangedConnection | undefined; following: readonly ChangedConnection[] },
): Visit[] => {
  const isFirstPass = 'userId' in at;
  const following = found.following.map((connection) => ({
    connection,
    at: isFirstPass ? { userId: connection.userId } : { seq: connection.seq },
    groupIds: isFirstPass ? undefined : changedSince(connection, since),
    afterGroupId: undefined,
  }));
  const connection = found.unfinished;
  if (connection === undefined || unfinished === undefined) return following;
  const groupIds = unfinished.isWhole ? undefined : changedSince(connection, since);
  // More changed than is recorded, so it starts again.
  const isBegunAnew = groupIds === undefined && !unfinished.isWhole;
  const afterGroupId = isBegunAnew ? undefined : unfinished.afterGroupId;
  return [{ connection, at, groupIds, afterGroupId }, ...following];
};

/** The changed groups of a connection, ordered by id; undefined if they are not all recorded. */
const changedSince = ({ recent }: ChangedConnection, since: number): number[] | undefined => {
  if (recent === undefined || recent.since > since) return undefined;
  const ids = recent.changes.filter(([seq]) => seq > since).flatMap(([, groupIds]) => groupIds);
  return [...new Set(ids)].sort((a, b) => a - b);
};

/** A change, or the id of a group whose state is read later, with that of all others. */
type Entry = Change | ({ kind: 'named'; userId: UserId } & GroupName);

type Reading = { entries: Entry[]; unfinished: ChangesPosition['unfinished'] };

const readConnection = async (
  deps: Deps,
  { connection, groupIds, afterGroupId }: Visit,
  room: number,
): Promise<Result<Reading, Failure>> => {
  const { connectionId, userId } = connection;
  // The user has another connection now, which has a place of its own in the order.
  if (!connection.isCurrent) return ok({ entries: [], unfinished: undefined });
  if (groupIds !== undefined) {
    const left = groupIds.filter((groupId) => groupId > (afterGroupId ?? -1));
    const entries = left.slice(0, room).map((groupId) => ({ kind: 'named' as const, userId, connectionId, groupId }));
    const last = entries.at(-1);
    const isDone = last === undefined || left.length <= room;
    return ok({
      entries,
      unfinished: isDone ? undefined : { connectionId, afterGroupId: last.groupId, isWhole: false },
    });
  }
  const entries: Entry[] = afterGroupId === undefined ? [{ kind: 'reset', userId }] : [];
  const most = room - entries.length;
  const groups = await groupsAfter(deps.db, connectionId, afterGroupId ?? 0, most + 1);
  if (!groups.ok) return groups;
  const page = groups.value.slice(0, most);
  entries.push(...page.map((group) => ({ kind: 'group' as const, userId, group })));
  const isDone = groups.value.length <= most;
  const reached = page.at(-1)?.groupId ?? afterGroupId ?? 0;
  return ok({ entries, unfinished: isDone ? undefined : { connectionId, afterGroupId: reached, isWhole: true } });
};

/** Reads the groups of which only the id is known. One that does not exist was deleted. */
const finish = async (
  deps: Deps,
  entries: readonly Entry[],
  next: ChangesPosition,
  hasMore: boolean,
): Promise<Result<ChangesPage, Failure>> => {
  const names = entries.filter((entry) => entry.kind === 'named');
  const groups = names.length === 0 ? ok([]) : await groupsNamed(deps.db, names);
  if (!groups.ok) return groups;
  const known = new Map(names.map((name, place) => [name, groups.value[place]]));
  const changes = entries.map((entry): Change => {
    if (entry.kind !== 'named') return entry;
    const { userId, groupId } = entry;
    const group = known.get(entry);
    return group === undefined ? { kind: 'deleted', userId, groupId } : { kind: 'group', userId, group };
  });
  return ok({ changes, next, hasMore });
};

import { hashUser } from '../../crypto/user-hash.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionState, Freshness } from '../../domain/connection.ts';
import type { Failure, ReauthReason } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { connectionsAfter, pendingUsersAfter } from '../../store/users/connection-list.ts';
import type { Deps } from '../deps.ts';

/** A user in a list, with the state that an app sees. */
export type ListedUser = FoundUser & {
  /** The user's hash for the log and the audit trail. */
  userHash: string;
};

type FoundUser = Freshness & {
  userId: UserId;
  state: ConnectionState | 'pending';
  stateReason: ReauthReason | undefined;
  stateSince: EpochMs;
  lastSyncAt: EpochMs | undefined;
  isDemo: boolean;
  /** Why the last sync or refresh failed; undefined if none has failed since the last success. */
  failure: string | undefined;
};

const USERS_PER_PAGE = 50;

/**
 * A page of an app's users, ordered by id. These are all, those in one state, those whose syncs or refreshes fail, or
 * those whose id starts with `prefix`. A user who also waits for a confirmation is listed by the current connection,
 * and under `pending`.
 */
export const listConnections = async (
  deps: Deps,
  appId: AppId,
  wanted: {
    state: ConnectionState | 'pending' | undefined;
    failing?: boolean | undefined;
    prefix: string;
    afterUserId: string;
  },
): Promise<Result<{ users: ListedUser[]; nextAfterUserId: string | undefined }, Failure>> => {
  const found = await usersAfter(deps, { ...wanted, appId, limit: USERS_PER_PAGE + 1 });
  if (!found.ok) return found;
  const page = found.value.slice(0, USERS_PER_PAGE);
  const users = await Promise.all(
    page.map(async (user) => ({ ...user, userHash: await hashUser(deps.keyring, appId, user.userId) })),
  );
  return ok({ users, nextAfterUserId: found.value.length > USERS_PER_PAGE ? users.at(-1)?.userId : undefined });
};

type UserFilter = { appId: AppId; prefix: string; afterUserId: string; limit: number };
type Wanted = UserFilter & { state: ConnectionState | 'pending' | undefined; failing?: boolean | undefined };

const usersAfter = async (
  deps: Deps,
  { state, failing = false, ...filter }: Wanted,
): Promise<Result<FoundUser[], Failure>> => {
  if (state === 'pending') return failing ? ok([]) : waitingUsersAfter(deps, filter);
  const connected = await connectionsAfter(deps.db, { ...filter, state, failing });
  if (!connected.ok || state !== undefined || failing) return connected;
  const waiting = await waitingUsersAfter(deps, filter);
  return waiting.ok ? ok(merged(connected.value, waiting.value).slice(0, filter.limit)) : waiting;
};

/** Both lists are ordered by id, and each user comes once. */
const merged = (connected: readonly FoundUser[], waiting: readonly FoundUser[]): FoundUser[] => {
  const known = new Set(connected.map(({ userId }) => userId));
  const all = [...connected, ...waiting.filter(({ userId }) => !known.has(userId))];
  return all.sort((one, other) => (one.userId < other.userId ? -1 : 1));
};

const waitingUsersAfter = async (deps: Deps, filter: UserFilter): Promise<Result<FoundUser[], Failure>> => {
  const waiting = await pendingUsersAfter(deps.db, filter, deps.now());
  if (!waiting.ok) return waiting;
  return ok(
    waiting.value.map(({ userId, since, isDemo }) => ({
      userId,
      isDemo,
      state: 'pending',
      stateReason: undefined,
      stateSince: since,
      lastSyncAt: undefined,
      dataAsOf: undefined,
      delivery: undefined,
      lastPushAt: undefined,
      failure: undefined,
    })),
  );
};

import { hex } from '../../crypto/credential.ts';
import { elapsedMs } from '../../domain/clock.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import type { Result } from '../../domain/result.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { claimPush, type ClaimedPush, duePushes, finishPush, returnPush } from '../../store/notify/pushes.ts';
import type { Deps } from '../deps.ts';
import type { SyncPurpose } from '../sync/start-sync.ts';
import { sync } from '../sync/sync.ts';
import { usableAccessToken } from '../tokens/access-token.ts';

/** Not use: the tokens of a person who weighs in daily are refreshed daily, not ahead of every expiry. */
const PUSHED: SyncPurpose = { share: 'sync', isAsked: false, isUse: false, review: 'recent', isPushed: true };

/** Longer than the syncs of one person take. A claim of an invocation that was stopped ends by itself. */
const CLAIM_MS = 3 * MINUTE_MS;
/** D1 calls of one sync with its refresh; an invocation of the free plan may make 50. */
const CALLS_OF_SYNC = 14;
const MOST_CALLS = 40;
const FIRST_RETRY_MS = 15 * SECOND_MS;

/** Syncs the connections of a person whom Withings has pushed about. What fails waits for a later tick. */
export const pullPushed = async (deps: Deps, withingsUserId: string, mostCalls = MOST_CALLS): Promise<void> => {
  const claim = { id: hex(deps.random(16)), until: deps.now() + CLAIM_MS };
  const claimed = await claimPush(deps.db, withingsUserId, claim, deps.now());
  if (!claimed.ok || claimed.value === undefined) return;
  const { attempts, pushedAt, connections } = claimed.value;
  let retryMs = 0;
  // Only they are synced the next time: a person with many connections would use up the share again and again.
  const left: ConnectionId[] = [];
  for (const connection of connections) {
    const hasRoom = deps.db.calls.made + CALLS_OF_SYNC <= mostCalls;
    const pulled = hasRoom ? await pullOne(deps, claimed.value, connection) : NO_ROOM;
    if (pulled.ok || hasEnded(pulled.failure)) continue;
    retryMs = Math.max(retryMs, retryAfter(pulled.failure, attempts));
    left.push(connection.id);
  }
  deps.log({
    level: 'info',
    event: 'push',
    outcome: left.length === 0 ? 'pulled' : 'postponed',
    count: connections.length,
    durationMs: elapsedMs(deps.now(), pushedAt),
  });
  await (left.length === 0
    ? finishPush(deps.db, withingsUserId, claim, pushedAt)
    : returnPush(deps.db, withingsUserId, claim, { dueAt: deps.now() + retryMs, left }));
};

/** The rest of a person with many connections is due at once. */
const NO_ROOM = { ok: false, failure: { kind: 'sync_in_progress', retryAfterSeconds: 0 } } as const;

/**
 * A push about the account is no proof that it ended. The refresh is: if Withings rejects it, the connection ends. It
 * may have come together with one about data, so a sync follows.
 */
const pullOne = async (
  deps: Deps,
  { refreshes }: ClaimedPush,
  { id, tokenVersion }: ClaimedPush['connections'][number],
): Promise<Result<unknown, Failure>> => {
  const cause = { share: 'sync', isUse: false, rejectedVersion: tokenVersion } as const;
  const token = refreshes ? await usableAccessToken(deps, id, cause) : undefined;
  return token?.ok === false ? token : sync(deps, { id }, PUSHED);
};

const hasEnded = ({ kind }: Failure): boolean => kind === 'reauth_required' || kind === 'not_connected';

const retryAfter = (failure: Failure, attempts: number): number => {
  const asked = 'retryAfterSeconds' in failure ? failure.retryAfterSeconds * SECOND_MS : 0;
  return Math.max(asked, Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), HOUR_MS));
};

/** People whose pushes one tick pulls. */
const MOST_PEOPLE = 4;

/** The cron's part: pushes whose own invocation could not pull, or was stopped. */
export const pullDuePushes = async (deps: Deps, callsLeft: () => number): Promise<void> => {
  const due = await duePushes(deps.db, deps.now(), MOST_PEOPLE);
  if (!due.ok) return deps.log({ level: 'warn', event: 'tick', outcome: 'push_failed', reason: due.failure.kind });
  for (const withingsUserId of due.value) {
    if (callsLeft() < CALLS_OF_SYNC + 2) return;
    await pullPushed(deps, withingsUserId, deps.db.calls.made + callsLeft());
  }
};

import type { AppId } from './app-id.ts';
import { type EpochMs, HOUR_MS } from './time.ts';

/**
 * How a key of the ring is replaced while the broker runs:
 * 1. The operator adds the new key, which only opens.
 * 2. The operator makes it current.
 * 3. The cron seals everything again with it, in passes over all connections.
 * 4. A pass that found nothing under another key says that the old key can be removed.
 */

/** The progress of a pass over all connections, in the order of their ids. */
export type ResealWalk = {
  startedAt: EpochMs;
  /** The id of the last connection that was checked. */
  afterId: number;
  /** The webhook endpoint that was checked last: endpoints follow the connections. */
  afterWebhook?: { appId: AppId; id: string } | undefined;
  /**
   * The checked connections with tokens and endpoints with secrets, counted by the key that seals them after the pass.
   */
  counts: Record<string, number>;
  resealed: number;
  /** Blobs that did not open with their own key. Their users have to link again. */
  broken: number;
};

/** The stored state of the key rotation. */
export type ResealState = {
  /** The current key, and since when it is known to be current. */
  keyId: string;
  promotedAt: EpochMs;
  walk?: ResealWalk | undefined;
  /** The last complete pass. */
  last?: (ResealWalk & { finishedAt: EpochMs }) | undefined;
};

/**
 * For a while, old isolates seal and sign with the previous key. A pending connection lives a quarter of an hour, a
 * link half an hour and a user token an hour. Only a pass that began later than this after the promotion can say that
 * the old key is no longer needed.
 */
const SETTLING_MS = HOUR_MS;

/** Whether the last complete pass showed that only the current key is needed. */
export const isSettled = (state: ResealState | undefined, currentKeyId: string): boolean =>
  state?.last !== undefined &&
  state.keyId === currentKeyId &&
  state.last.startedAt >= state.promotedAt + SETTLING_MS &&
  state.last.resealed === 0 &&
  Object.keys(state.last.counts).every((keyId) => keyId === currentKeyId);

/** Whether a pass is running or should begin. A ring of one key has nothing to seal again. */
export const isPassDue = (
  state: ResealState | undefined,
  ring: { currentKeyId: string; keyIds: readonly string[] },
  now: EpochMs,
): boolean => {
  if (ring.keyIds.length < 2) return false;
  if (state?.keyId !== ring.currentKeyId || state.walk !== undefined || state.last === undefined) return true;
  if (isSettled(state, ring.currentKeyId)) return false;
  return now >= Math.max(state.promotedAt, state.last.startedAt) + SETTLING_MS;
};

/** The state from which a pass continues or begins. */
export const currentPass = (
  state: ResealState | undefined,
  currentKeyId: string,
  now: EpochMs,
): ResealState & { walk: ResealWalk } => {
  const fresh = { startedAt: now, afterId: -1, counts: {}, resealed: 0, broken: 0 };
  if (state === undefined || state.keyId !== currentKeyId) {
    return { keyId: currentKeyId, promotedAt: now, walk: fresh, last: state?.last };
  }
  return { ...state, walk: state.walk ?? fresh };
};

/** The ids of the keys that seal stored tokens. */
export const keyIdsInUse = (state: ResealState | undefined): string[] => [
  ...new Set([...Object.keys(state?.last?.counts ?? {}), ...Object.keys(state?.walk?.counts ?? {})]),
];

import { type EpochMs, HOUR_MS } from './time.ts';

/**
 * How a key of the ring is replaced while everything runs: the new key is added, opening only; it is promoted; everything sealed is sealed
 * again under it, in walks over all connections; a walk that found nothing under another key says that the old one may go.
 */

/** A walk over all connections in the order of their ids, as far as it got. */
export type ResealWalk = {
  startedAt: EpochMs;
  /** The id of the last connection looked at. */
  afterId: number;
  /** Connections with tokens that were looked at, by the key that seals them once the walk has passed. */
  counts: Record<string, number>;
  resealed: number;
  /** Blobs that did not open under their own key: their connections have to be linked again. */
  broken: number;
};

/** What the broker remembers about its keyring. */
export type ResealState = {
  /** The key that seals, and since when it has been known to. */
  keyId: string;
  promotedAt: EpochMs;
  walk: ResealWalk | undefined;
  /** The last walk that went all the way. */
  last: (ResealWalk & { finishedAt: EpochMs }) | undefined;
};

/**
 * Old isolates go on sealing and signing with the key before for a while, a pending connection waits a quarter of an hour, a link half an
 * hour and a user token a whole one: only a walk begun later than this after the promotion can say that the old key is of no more use.
 */
const SETTLING_MS = HOUR_MS;

/** Whether the last whole walk showed that nothing needs another key than the current one. */
export const isSettled = (state: ResealState | undefined, currentKeyId: string): boolean =>
  state?.last !== undefined &&
  state.keyId === currentKeyId &&
  state.last.startedAt >= state.promotedAt + SETTLING_MS &&
  state.last.resealed === 0 &&
  Object.keys(state.last.counts).every((keyId) => keyId === currentKeyId);

/** Whether a walk is under way or should begin. A ring of one key has nothing to seal again. */
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

/** The state from which a walk goes on, or begins. */
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

/** The key ids that sealed tokens are known to need. */
export const keyIdsInUse = (state: ResealState | undefined): string[] => [
  ...new Set([...Object.keys(state?.last?.counts ?? {}), ...Object.keys(state?.walk?.counts ?? {})]),
];

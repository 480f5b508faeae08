import type { HistoryProgress } from './connection.ts';
import { type HistoryPosition, isHistoryPartial, newestAlone, startOfHistory } from './history.ts';
import type { SyncPosition } from './sync.ts';
import { type EpochMs, toSeconds } from './time.ts';

/**
 * The position that a sync begins with: before the first answer a history begins, or begins again with the size that it
 * has learned.
 *
 * @param isAsked whether an app requested the sync: then all of the past is read, however little is read without a
 *   request
 * @param isPushed whether Withings has notified of something new. A history in which nothing was found yet then begins
 *   again at its newest end; another is interrupted for what changed
 */
export const positionAtStart = (
  stored: SyncPosition,
  now: EpochMs,
  { isAsked = true, isPushed = false } = {},
): SyncPosition => {
  const position = isPushed ? withNewsDue(stored) : isAsked ? withoutReach(stored) : stored;
  const { cursorSeconds, history } = position;
  // Only one of an app that wants nothing of the past: what is new since the user connected.
  if (history?.reach === 'none' && history.untilSeconds === undefined) return fromHereOn(position, history);
  const isEmptyAndPartial = history !== undefined && cursorSeconds === 0 && isHistoryPartial(history);
  const isBegun = !isEmptyAndPartial && (history?.untilSeconds !== undefined || history?.paged !== undefined);
  if (isBegun || (cursorSeconds > 0 && history === undefined)) return position;
  // Ahead of changes that could not be read; they are asked for again after it.
  if (history?.floorSeconds !== undefined) return { ...position, resume: undefined, history: newestAlone(now) };
  if (isEmptyAndPartial)
    return { ...position, resume: undefined, history: { ...startOfHistory(now), reach: history.reach } };
  return { ...position, resume: undefined, history: { ...history, ...startOfHistory(now) } };
};

const withNewsDue = (position: SyncPosition): SyncPosition => {
  const { history, cursorSeconds } = position;
  if (history?.untilSeconds === undefined || history.reach === 'none') return position;
  if (cursorSeconds > 0) return { ...position, history: { ...history, newsAt: 0 } };
  return { ...position, history: { ...history, untilSeconds: undefined, paged: undefined } };
};

const fromHereOn = (position: SyncPosition, history: HistoryPosition): SyncPosition => {
  const untilSeconds = toSeconds(history.startedAt);
  return { ...position, cursorSeconds: untilSeconds, history: { ...history, untilSeconds, heights: 'wanted' } };
};

/**
 * Where nothing of the past was to be read, the history is read from its newest end on: a group read twice changes
 * nothing.
 */
const withoutReach = (position: SyncPosition): SyncPosition => {
  const { history } = position;
  if (history?.reach === undefined) return position;
  if (history.reach === 'none') return { ...position, cursorSeconds: 0, resume: undefined, history: undefined };
  return { ...position, history: { ...history, reach: undefined } };
};

/** How much of a history is stored. */
export const historyProgress = (
  history: HistoryPosition | undefined,
  lastSyncAt: EpochMs | undefined,
): HistoryProgress => {
  if (history === undefined) return lastSyncAt === undefined ? 'unread' : 'complete';
  if (history.untilSeconds === undefined && history.paged === undefined) return 'unread';
  return isHistoryPartial(history) ? 'partial' : 'reading';
};

import { DAY_MS, type EpochMs, type EpochSeconds, SECOND_MS, toSeconds } from './time.ts';

/**
 * Reading a history newest first. First the newest stretch is requested by date, then what lies before it, back to the
 * beginning. `lastupdate` finds what changes during that time. The two directions may overlap, and neither misses what
 * the other has passed:
 *
 * - What was measured since `untilSeconds` is stored as Withings had it when its stretch was requested.
 * - What changed since then has a later `modified` than the cursor, which is the newest of the very first answer.
 * - What was measured earlier is requested later.
 *
 * A stretch that Withings cannot answer (too large, too slow, malformed) is requested in smaller pieces, and the
 * smaller size is kept.
 */
export type HistoryPosition = {
  startedAt: EpochMs;
  /** When `lastupdate` was last asked, and answered to the end. */
  newsAt: EpochMs;
  /** What was measured since is stored; undefined before the first answer. */
  untilSeconds?: EpochSeconds | undefined;
  /** Where the reading ends; undefined at the beginning of all measurements. */
  floorSeconds?: EpochSeconds | undefined;
  /** How much of the past is read without a request; undefined for all of it. */
  reach?: 'recent' | 'none' | undefined;
  /** The longest stretch to ask for, once a longer one could not be read. */
  spanSeconds?: number | undefined;
  /** A stretch whose answer is not newest first, so that it is read by offset. */
  paged?:
    | { fromSeconds: EpochSeconds | undefined; toSeconds: EpochSeconds; offset: number; seen: number[] }
    | undefined;
  /** Whether the heights, which may be years old, are read ahead of a long history: without them there is no BMI. */
  heights?: 'wanted' | 'read' | undefined;
  /** How often the shortest stretch could not be read. */
  failures?: number | undefined;
  /** Stretches that were skipped. */
  gaps?: number | undefined;
};

/** What to ask Withings for: what was measured within a stretch. */
export type StretchRequest = {
  kind: 'stretch' | 'heights';
  startDateSeconds: EpochSeconds | undefined;
  endDateSeconds: EpochSeconds;
  offset: number | undefined;
  types: readonly number[] | undefined;
  /** By how much the stretch was widened, so that Withings does not refuse it as the same request again. */
  variation: number;
};

const DAY_SECONDS = DAY_MS / SECOND_MS;
/** What the first answer holds, if it fits a page. */
export const NEWEST_DAYS = 90;
const NEWEST_SPAN_SECONDS = NEWEST_DAYS * DAY_SECONDS;
export const SHORTEST_SPAN_SECONDS = DAY_SECONDS;
const LONGEST_SPAN_SECONDS = 60 * 365 * DAY_SECONDS;
/** The end of 32-bit time: a weigh-in may be dated far ahead. */
export const END_OF_TIME_SECONDS = 2_147_483_647;
const HEIGHT_TYPE = 4;
/** An answer of fewer groups leaves room for a stretch twice as long. */
const FEW_GROUPS = 100;
/** While a history is read, `lastupdate` is asked this often: Withings advises once in ten minutes for a person. */
export const NEWS_INTERVAL_MS = 10 * 60 * SECOND_MS;
/**
 * Withings refuses the same request twice within 10 seconds, by account. So a stretch is widened by up to this many
 * seconds. Two links to one account derive theirs from their ids; one sync in some thousand has the same.
 */
export const VARIATIONS = 7_200;

/** A history of which nothing is read yet. */
export const startOfHistory = (now: EpochMs): HistoryPosition => ({ startedAt: now, newsAt: now });

/** The newest stretch alone, ahead of changes that could not be read. */
export const newestAlone = (now: EpochMs): HistoryPosition => ({
  startedAt: now,
  // Asked for again once the stretch is read.
  newsAt: now - 1,
  floorSeconds: toSeconds(now) - NEWEST_SPAN_SECONDS,
});

/** Whether everything is read that the broker reads by itself: what is older waits for a requested sync. */
export const isHistoryPartial = (history: HistoryPosition): boolean =>
  history.reach !== undefined && history.paged === undefined && history.heights === 'read' && reachesBack(history);

const reachesBack = ({ reach, startedAt, untilSeconds }: HistoryPosition): boolean =>
  untilSeconds !== undefined && untilSeconds <= toSeconds(startedAt) - (reach === 'none' ? 0 : NEWEST_SPAN_SECONDS);

/** Since when everything that was measured is stored; undefined if nothing older is still to be read. */
export const completeFromOf = (history: HistoryPosition | undefined): EpochSeconds | undefined => {
  if (history === undefined || history.floorSeconds !== undefined) return undefined;
  return history.untilSeconds ?? toSeconds(history.startedAt);
};

/**
 * The next request.
 *
 * @param variation a widening that no request of the last seconds had, below `VARIATIONS`
 */
export const nextStretch = (history: HistoryPosition, variation: number): StretchRequest => {
  if (history.heights === 'wanted') {
    return {
      kind: 'heights',
      startDateSeconds: variation,
      endDateSeconds: END_OF_TIME_SECONDS,
      offset: undefined,
      types: [HEIGHT_TYPE],
      variation,
    };
  }
  const { paged, untilSeconds } = history;
  const request = { kind: 'stretch', types: undefined, variation } as const;
  if (paged !== undefined) {
    const { fromSeconds, toSeconds: endDateSeconds, offset } = paged;
    return { ...request, startDateSeconds: fromSeconds, endDateSeconds, offset };
  }
  const from = startOfStretch(history);
  return {
    ...request,
    // Without a beginning, so that what is dated before 1970 is in it.
    startDateSeconds: from === undefined ? undefined : from - variation,
    // Past the end, which may be meant inclusively or not.
    endDateSeconds: untilSeconds === undefined ? END_OF_TIME_SECONDS : untilSeconds + 1 + variation,
    offset: undefined,
  };
};

/** Where the next stretch begins; undefined at the beginning of all measurements. */
export const startOfStretch = ({ startedAt, untilSeconds, floorSeconds, spanSeconds }: HistoryPosition) => {
  const longest = untilSeconds === undefined ? NEWEST_SPAN_SECONDS : LONGEST_SPAN_SECONDS;
  const from = (untilSeconds ?? toSeconds(startedAt)) - Math.min(spanSeconds ?? longest, longest);
  if (floorSeconds !== undefined) return Math.max(from, floorSeconds);
  return from > VARIATIONS ? from : undefined;
};

/** One page of an answer, as far as the position depends on it. */
export type StretchMarks = {
  measuredSeconds: readonly EpochSeconds[];
  nextOffset: number | undefined;
  pageMark: number;
  /** When the last group of a part was measured, if not all of the answer was read: see `partOfHistory`. */
  partEndsSeconds?: EpochSeconds | undefined;
};

/**
 * The position after a page is stored; undefined at the end.
 *
 * Withings does not document the order; recorded answers to a stretch are newest first. While a page is newest first,
 * the next request ends where the page did, without an offset. Offsets shift if a group is added or removed between two
 * pages. Otherwise the stretch is read by offset.
 */
export const historyAfterPage = (
  history: HistoryPosition,
  request: StretchRequest,
  marks: StretchMarks,
): HistoryPosition | undefined => {
  const after = afterPage(history, request, marks);
  // A partial history reads no older stretch that could hold a height.
  return after?.reach !== undefined && after.heights === undefined && reachesBack(after)
    ? { ...after, heights: 'wanted' }
    : after;
};

const afterPage = (
  history: HistoryPosition,
  request: StretchRequest,
  { measuredSeconds, nextOffset, pageMark, partEndsSeconds }: StretchMarks,
): HistoryPosition | undefined => {
  if (request.kind === 'heights') return { ...history, heights: 'read' };
  const { untilSeconds = END_OF_TIME_SECONDS, paged } = history;
  const seen = paged?.seen ?? [];
  const read: HistoryPosition = { ...history, failures: undefined, paged: undefined };
  const long: HistoryPosition = { ...read, heights: history.heights ?? 'wanted' };
  if (partEndsSeconds !== undefined) {
    // The rest is requested again: the next answer is to hold about as much as this part.
    const partSpan = (measuredSeconds[0] ?? partEndsSeconds) - partEndsSeconds;
    return { ...long, untilSeconds: partEndsSeconds + 1, spanSeconds: Math.max(SHORTEST_SPAN_SECONDS, partSpan) };
  }
  if (measuredSeconds.length === 0 || !isOnward(request.offset, nextOffset) || seen.includes(pageMark))
    return stretchDone(read, request, paged === undefined ? measuredSeconds.length : FEW_GROUPS);
  const last = measuredSeconds.at(-1) ?? 0;
  // The page may have cut the last second in two. No question ends before 1970.
  if (paged === undefined && isNewestFirst(measuredSeconds) && last + 1 < untilSeconds && last > 0) {
    return { ...long, untilSeconds: last + 1 };
  }
  const { startDateSeconds: fromSeconds, endDateSeconds } = request;
  return {
    ...long,
    paged: { fromSeconds, toSeconds: endDateSeconds, offset: nextOffset, seen: [...seen, pageMark].slice(-MAX_SEEN) },
  };
};

/** Pages of one answer that are remembered, to know one that comes again. */
export const MAX_SEEN = 64;

/** Whether an offset leads on: an upstream may repeat the one that it was asked for, for ever. */
export const isOnward = (offset: number | undefined, nextOffset: number | undefined): nextOffset is number =>
  nextOffset !== undefined && nextOffset > (offset ?? 0);

/** A page all of one moment says nothing about the order. */
export const isNewestFirst = (seconds: readonly EpochSeconds[]): boolean =>
  (seconds[0] ?? 0) > (seconds.at(-1) ?? 0) &&
  seconds.every((one, index) => index === 0 || one <= (seconds[index - 1] ?? one));

const stretchDone = (
  history: HistoryPosition,
  { startDateSeconds, variation }: StretchRequest,
  groupCount: number,
): HistoryPosition | undefined => {
  const { floorSeconds, spanSeconds } = history;
  if (startDateSeconds === undefined) return undefined;
  if (floorSeconds !== undefined && startDateSeconds + variation <= floorSeconds) return undefined;
  const isRoomy = spanSeconds !== undefined && groupCount < FEW_GROUPS;
  return {
    ...history,
    untilSeconds: startDateSeconds + variation,
    ...(isRoomy && { spanSeconds: grown(spanSeconds) }),
  };
};

const grown = (span: number): number | undefined => (span * 2 > LONGEST_SPAN_SECONDS ? undefined : span * 2);

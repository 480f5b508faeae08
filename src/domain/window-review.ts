/**
 * Finding deletions. Withings does not report them, so a window of time is read again and compared with what is stored.
 * A narrowed scope, a paused account and a page that shifted look the same as deletions. These rules tell them apart:
 *
 * - Only an answer that fits one page is judged. Between two pages a group may move to one that was already read.
 * - Only a group that was stored before the read began, and that the same sync has not read before, is judged.
 * - A group is judged only if the answer has a kind of measure that the group has. So an empty answer (a paused
 *   account) judges nothing. Nor does an answer without the group's kinds (a plan that ended).
 * - A user's only reading of a kind is judged too, if the kind and another one in the answer belong to every plan
 *   (`BASIC_TYPES`). Two missing readings that are all of their kind are not judged: a hidden kind looks the same.
 * - A group that an answer lacks is marked as missing. If the answer of a later sync, which asked for changes first,
 *   lacks it too, it is gone.
 * - A group that is in an answer again loses its mark.
 *
 * Cost: while a group cannot be judged, the window widens, until another one of its kind is in it.
 */

import type { StoredGroup } from './group-change.ts';
import { END_OF_TIME_SECONDS } from './history.ts';
import { DAY_MS, type EpochMs, type EpochSeconds, SECOND_MS, toSeconds } from './time.ts';

/**
 * `recent`: the last 30 days and everything dated ahead of now. Every sync with a request to spare reads it again.
 * `older`: an earlier stretch, each in its turn.
 */
export type ReviewKind = 'recent' | 'older';

/** A stretch of measuring time, both ends inclusive. */
export type ReviewWindow = { kind: ReviewKind; fromSeconds: EpochSeconds; toSeconds: EpochSeconds };

/** Which windows of a connection come next. */
export type ReviewPosition = {
  recentSpanSeconds: number;
  olderSpanSeconds: number;
  /** Where the next older window ends; where the recent one begins, if undefined. */
  olderUntilSeconds: EpochSeconds | undefined;
};

const DAY_SECONDS = DAY_MS / SECOND_MS;
const RECENT_SPAN_SECONDS = 30 * DAY_SECONDS;
/** Before everything that a calendar has: people type in weigh-ins of before 1970. */
const BEGINNING_SECONDS = -100_000_000_000;
const SHORTEST_SPAN_SECONDS = DAY_SECONDS;
const LONGEST_SPAN_SECONDS = 40 * 365 * DAY_SECONDS;
/** An answer of fewer groups leaves room on the page for a window twice as long. */
const FEW_GROUPS = 100;

export const FIRST_REVIEW: ReviewPosition = {
  recentSpanSeconds: RECENT_SPAN_SECONDS,
  olderSpanSeconds: RECENT_SPAN_SECONDS,
  olderUntilSeconds: undefined,
};

/** How much longer a window may be than its span: more than Withings remembers requests. */
export const MAX_VARIATION_SECONDS = 600;

/**
 * The window to read.
 *
 * @param variationSeconds differs between readings of a connection within seconds, and between connections, because
 *   Withings refuses the same request twice. It makes the window a little longer
 * @param sinceSeconds since when a partial history is stored: no window begins before it. Older windows that reach it
 *   begin again, and while it is too new for any, the recent window is read
 */
export const reviewWindow = (
  position: ReviewPosition,
  wanted: ReviewKind,
  now: EpochMs,
  variationSeconds: number,
  sinceSeconds: EpochSeconds = -Infinity,
): ReviewWindow => {
  const nowSeconds = toSeconds(now);
  const end = sinceSeconds + MAX_VARIATION_SECONDS;
  const newest = nowSeconds - RECENT_SPAN_SECONDS;
  const { olderUntilSeconds = newest } = position;
  const olderUntil = olderUntilSeconds > end ? olderUntilSeconds : newest;
  const kind = olderUntil > end ? wanted : 'recent';
  // A device's clock may run ahead, and a date may be mistyped by years.
  const until = kind === 'recent' ? END_OF_TIME_SECONDS : olderUntil;
  const from = kind === 'recent' ? nowSeconds - position.recentSpanSeconds : until - position.olderSpanSeconds;
  const varied = from - variationSeconds;
  const fromSeconds = Math.max(varied > 0 ? varied : BEGINNING_SECONDS, sinceSeconds + variationSeconds);
  return { kind, fromSeconds, toSeconds: Math.max(1, until) };
};

/** A stored group, with what judging it takes. */
export type ReviewedGroup = StoredGroup & { storedAt: EpochMs; missingSince: EpochMs | undefined };

/** What an answer says about a window. */
export type WindowAnswer = {
  /** When it was asked. */
  askedAt: EpochMs;
  /** Whether everything in the window was on the one page that was read. */
  isWhole: boolean;
  /** The measure types that it holds, of any group. */
  types: ReadonlySet<number>;
  groupCount: number;
};

/** What a review found among the stored groups of the window that the answer lacks. */
export type Verdict = {
  /** Lacking for the first time. */
  missing: ReviewedGroup[];
  /** Lacking for the second time. */
  gone: ReviewedGroup[];
  /** Whether some could not be judged. */
  unjudged: boolean;
  /** Those of them that can be judged if they are the only readings of their kinds. */
  candidates: ReviewedGroup[];
};

/**
 * Kinds of measures that every plan of Withings has: weight and height, body composition, blood pressure and pulse,
 * temperature, SpO2. Those of newer devices may be hidden when a plan ends.
 */
const BASIC_TYPES: ReadonlySet<number> = new Set([1, 4, 5, 6, 8, 9, 10, 11, 12, 54, 71, 73, 76, 77, 88]);
/** Each is looked up. */
const MAX_CANDIDATES = 20;

/**
 * Judges the stored groups of the window that the answer lacks.
 *
 * @param lone ids of groups that are the only readings of their kinds, as far as it is known
 */
export const evaluateReview = (
  lacking: readonly ReviewedGroup[],
  answer: WindowAnswer,
  lone: ReadonlySet<number>,
): Verdict => {
  const before = lacking.filter(({ storedAt }) => storedAt <= answer.askedAt);
  if (!answer.isWhole) return { missing: [], gone: [], unjudged: before.length > 0, candidates: [] };
  const showsBasics = [...answer.types].some((type) => BASIC_TYPES.has(type));
  const isJudged = ({ groupId, values }: ReviewedGroup) =>
    lone.has(groupId) || values.some(({ type }) => answer.types.has(type));
  const judged = before.filter(isJudged);
  const unjudged = before.filter((group) => !isJudged(group));
  const isSecond = ({ missingSince }: ReviewedGroup) => missingSince !== undefined && missingSince <= answer.askedAt;
  const isBasic = ({ values }: ReviewedGroup) => values.length > 0 && values.every(({ type }) => BASIC_TYPES.has(type));
  return {
    missing: judged.filter(({ missingSince }) => missingSince === undefined),
    gone: judged.filter(isSecond),
    unjudged: unjudged.length > 0,
    candidates: showsBasics ? unjudged.filter(isBasic).slice(0, MAX_CANDIDATES) : [],
  };
};

/** Which windows come next after one that could not be read: a smaller one, or the one before. */
export const positionAfterFailedReview = (
  position: ReviewPosition,
  { kind, fromSeconds, toSeconds: to }: ReviewWindow,
) => {
  const { recentSpanSeconds, olderSpanSeconds } = position;
  if (kind === 'recent') return { ...position, recentSpanSeconds: halved(recentSpanSeconds) };
  const isShortest = olderSpanSeconds <= SHORTEST_SPAN_SECONDS;
  return { ...position, olderSpanSeconds: halved(olderSpanSeconds), olderUntilSeconds: isShortest ? fromSeconds : to };
};

/**
 * The next windows. A window that did not fit a page is halved; one with room to spare is doubled. Older windows move
 * back one by one, and start again beyond the oldest measurement. A window with something missing is read again.
 */
export const positionAfterReview = (
  position: ReviewPosition,
  window: ReviewWindow,
  answer: WindowAnswer,
  verdict: Verdict,
  oldestSeconds: EpochSeconds | undefined,
): ReviewPosition => {
  if (window.kind === 'recent') {
    return { ...position, recentSpanSeconds: nextRecentSpan(position.recentSpanSeconds, answer, verdict) };
  }
  const span = position.olderSpanSeconds;
  if (verdict.missing.length > 0) return { ...position, olderUntilSeconds: window.toSeconds };
  if (!answer.isWhole && span > SHORTEST_SPAN_SECONDS) {
    return { ...position, olderUntilSeconds: window.toSeconds, olderSpanSeconds: halved(span) };
  }
  const isOldest = oldestSeconds === undefined || window.fromSeconds <= oldestSeconds;
  return {
    ...position,
    olderSpanSeconds: answer.isWhole && answer.groupCount < FEW_GROUPS ? doubled(span) : span,
    olderUntilSeconds: isOldest ? undefined : window.fromSeconds,
  };
};

const nextRecentSpan = (span: number, answer: WindowAnswer, { unjudged }: Verdict): number => {
  if (!answer.isWhole) return halved(span);
  const hasRoom = answer.groupCount < FEW_GROUPS;
  // Of many groups none shows its kind, which Withings may show no more: a longer window would not either.
  if (unjudged && hasRoom) return doubled(span);
  return Math.min(RECENT_SPAN_SECONDS, hasRoom ? doubled(span) : span);
};

const halved = (span: number): number => Math.max(SHORTEST_SPAN_SECONDS, Math.floor(span / 2));
const doubled = (span: number): number => Math.min(LONGEST_SPAN_SECONDS, span * 2);

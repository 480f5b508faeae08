import type { ChangeCounts } from './group-change.ts';
import {
  completeFromOf,
  type HistoryPosition,
  historyAfterPage,
  isOnward,
  MAX_SEEN,
  NEWS_INTERVAL_MS,
  nextStretch,
  type StretchRequest,
  VARIATIONS,
} from './history.ts';
import { DAY_MS, type EpochMs, type EpochSeconds, SECOND_MS, toSeconds } from './time.ts';

/** What a sync answers. Counts are of measurements. */
export type SyncResult = ChangeCounts & {
  /** Groups and single measures that could not be read, and stretches of time that were gone around. */
  skipped: number;
  /** Whether everything that Withings has is stored; otherwise the next call, or the cron, goes on. */
  complete: boolean;
  /** Since when everything that was measured is stored; undefined if nothing older is still to be read. */
  historyCompleteFrom?: EpochMs | undefined;
  syncedAt: EpochMs;
};

/** Where a connection's reading of Withings stands. */
export type SyncPosition = {
  /**
   * The newest `modified` such that everything before it is stored, or was measured in a part of the history that is still to be read; 0
   * before the first answer.
   */
  cursorSeconds: EpochSeconds;
  /** Set while a history is read newest first. */
  history: HistoryPosition | undefined;
  /** Set while a read is under way that did not fit one slice. */
  resume: ResumePoint | undefined;
  /** What was asked in the last seconds: Withings refuses the same question twice within 10. */
  recentQuestions: readonly AskedQuestion[];
};

/** A `lastupdate` that was sent without an offset, or the widening of a stretch of time; and when. */
export type AskedQuestion = { seconds: EpochSeconds; at: EpochMs };

/** What to ask Withings for: groups changed since a moment, from an offset that Withings gave. */
export type PageRequest = { lastUpdateSeconds: EpochSeconds; offset: number | undefined };

/**
 * A read that goes on by offset, because the answer's order did not allow the cursor to move: the question it belongs to, where it got to,
 * the newest `modified` it has seen, and the pages that it has seen.
 */
export type ResumePoint = {
  lastUpdateSeconds: EpochSeconds;
  offset: number;
  newestSeconds: EpochSeconds;
  seen?: number[];
};

/** What a sync asks next: what changed, or what was measured within a stretch of time. */
export type SyncQuestion = ({ kind: 'changes' } & PageRequest) | StretchRequest;

/**
 * The next question of a sync. While a history is read, what changed meanwhile is asked for now and then.
 *
 * @param spreadSeconds differs between connections; see `nextPageRequest`
 */
export const nextQuestion = (position: SyncPosition, now: EpochMs, spreadSeconds: number): SyncQuestion => {
  const { history, cursorSeconds, resume } = position;
  const asksChanges =
    history === undefined || (cursorSeconds > 0 && (resume !== undefined || now - history.newsAt >= NEWS_INTERVAL_MS));
  if (!asksChanges) return nextStretch(history, newVariation(position, now, spreadSeconds));
  return { kind: 'changes', ...nextPageRequest(position, now, spreadSeconds) };
};

/** Groups may be stored a little out of order at Withings: each read starts this much before the cursor. */
const OVERLAP_SECONDS = 60;

/** `spreadSeconds` stays below this. */
export const MAX_SPREAD_SECONDS = 60;

/** Far more than the share of requests lets a connection ask within that time. */
const MAX_RECENT_QUESTIONS = 32;

/** Withings answers 601 to the same arguments within 10 seconds; its clock and ours may differ. */
const SAME_QUESTION_MS = 15_000;

/**
 * The next question: where a read was cut off, or else the cursor less an overlap. Asked again within seconds it goes back a second each
 * time, which reads no less and is never the same question.
 *
 * @param spreadSeconds differs between connections, so that two links to one Withings account do not ask the same either
 */
export const nextPageRequest = (position: SyncPosition, now: EpochMs, spreadSeconds: number): PageRequest => {
  const { resume } = position;
  if (resume !== undefined) return { lastUpdateSeconds: resume.lastUpdateSeconds, offset: resume.offset };
  const asked = new Set(stillRecent(position.recentQuestions, now).map(({ seconds }) => seconds));
  const earliest = 1 + spreadSeconds;
  let wanted = Math.max(earliest, position.cursorSeconds - OVERLAP_SECONDS - spreadSeconds);
  // At the very beginning there is nothing further back: going forward a few seconds after 1970 skips nothing.
  const step = wanted <= earliest + MAX_RECENT_QUESTIONS ? 1 : -1;
  while (asked.has(wanted)) wanted += step;
  return { lastUpdateSeconds: wanted, offset: undefined };
};

/** The position with a question noted as asked. */
export const withPageRequested = (position: SyncPosition, question: SyncQuestion, now: EpochMs): SyncPosition => {
  if (question.offset !== undefined) return position;
  const recent = stillRecent(position.recentQuestions, now).slice(0, MAX_RECENT_QUESTIONS - 1);
  const seconds = question.kind === 'changes' ? question.lastUpdateSeconds : question.variation;
  return { ...position, recentQuestions: [{ seconds, at: now }, ...recent] };
};

const stillRecent = (questions: readonly AskedQuestion[], now: EpochMs): AskedQuestion[] =>
  questions.filter(({ at }) => now - at < SAME_QUESTION_MS);

/** A widening of none of the questions of the last seconds. */
const newVariation = ({ recentQuestions }: SyncPosition, now: EpochMs, spreadSeconds: number): number => {
  const asked = new Set(stillRecent(recentQuestions, now).map(({ seconds }) => seconds));
  let variation = spreadSeconds % VARIATIONS;
  for (let tries = 1; asked.has(variation) && tries < VARIATIONS; tries += 1) variation = (variation + 1) % VARIATIONS;
  return variation;
};

/** One page of an answer, as far as the position depends on it. */
export type PageMarks = {
  modifiedSeconds: readonly EpochSeconds[];
  nextOffset: number | undefined;
  /** Tells pages of other groups apart. */
  pageMark: number;
};

/**
 * Where a sync stands once a page is stored.
 *
 * @param startedAt when the sync began: a history that was begun by an earlier one ends with a look at what changed since
 * @returns the position, and whether everything that Withings has is stored
 */
export const positionAfterAnswer = (
  position: SyncPosition,
  question: SyncQuestion,
  marks: PageMarks & { measuredSeconds: readonly EpochSeconds[] },
  { startedAt, now }: { startedAt: EpochMs; now: EpochMs },
): { position: SyncPosition; complete: boolean } => {
  const { history, cursorSeconds } = position;
  if (question.kind === 'changes') {
    const { isEnd, ...after } = positionAfterPage(position, question, marks);
    const next = { ...position, ...after, history: history && isEnd ? { ...history, newsAt: now } : history };
    return { position: next, complete: isEnd && history === undefined };
  }
  if (history === undefined) return { position, complete: false };
  const after = {
    ...position,
    cursorSeconds: cursorSeconds > 0 ? cursorSeconds : firstCursor(history, marks.modifiedSeconds),
    history: historyAfterPage(history, question, marks),
  };
  const isNewsFresh = history.newsAt >= startedAt || after.cursorSeconds === 0;
  return { position: after, complete: after.history === undefined && isNewsFresh };
};

/**
 * What changed after the first answer is later than the newest of that answer. If that was empty, a later one may have what changed in
 * between: a day earlier is early enough, whatever the clocks.
 */
const firstCursor = (history: HistoryPosition, modifiedSeconds: readonly EpochSeconds[]): EpochSeconds => {
  const newest = Math.max(0, ...modifiedSeconds);
  const isFirst = history.untilSeconds === undefined && history.paged === undefined;
  return isFirst ? newest : Math.min(newest, toSeconds(history.startedAt) - DAY_MS / SECOND_MS);
};

/** `completeFromOf` in milliseconds. */
export const historyCompleteFrom = ({ history }: SyncPosition): EpochMs | undefined => {
  const seconds = completeFromOf(history);
  return seconds === undefined ? undefined : seconds * SECOND_MS;
};

/**
 * Where the reading stands once a page is stored.
 *
 * Withings' order is not documented; recorded answers to `lastupdate` come in ascending order of `modified`. While a page bears that out,
 * the cursor moves with it and the next question starts there, without an offset: offsets shift when a group is edited between two pages,
 * and what slid past would never be seen. Where the order is another, or a page is all of one moment, the read goes on by offset and the
 * cursor waits for the last page.
 */
export const positionAfterPage = (
  position: SyncPosition,
  question: PageRequest,
  { modifiedSeconds, nextOffset, pageMark }: PageMarks,
): Pick<SyncPosition, 'cursorSeconds' | 'resume'> & { isEnd: boolean } => {
  const before = position.resume?.newestSeconds ?? 0;
  const seen = position.resume?.seen ?? [];
  const { ascending, rises, newestSeconds } = orderOf(modifiedSeconds, before);
  const reached = Math.max(position.cursorSeconds, newestSeconds);
  // What brings nothing new is the end, whatever the answer says: some say `more` for ever.
  if (modifiedSeconds.length === 0 || !isOnward(question.offset, nextOffset) || seen.includes(pageMark))
    return { cursorSeconds: reached, resume: undefined, isEnd: true };
  const advances = newestSeconds - OVERLAP_SECONDS - MAX_SPREAD_SECONDS > question.lastUpdateSeconds;
  if (ascending && rises && advances) return { cursorSeconds: reached, resume: undefined, isEnd: false };
  const { lastUpdateSeconds } = question;
  return {
    cursorSeconds: position.cursorSeconds,
    resume: { lastUpdateSeconds, offset: nextOffset, newestSeconds, seen: [...seen, pageMark].slice(-MAX_SEEN) },
    isEnd: false,
  };
};

const orderOf = (modifiedSeconds: readonly EpochSeconds[], before: EpochSeconds) => {
  let newestSeconds = before;
  let ascending = true;
  for (const modified of modifiedSeconds) {
    if (modified < newestSeconds) ascending = false;
    newestSeconds = Math.max(newestSeconds, modified);
  }
  return { ascending, rises: (modifiedSeconds[0] ?? 0) < newestSeconds, newestSeconds };
};

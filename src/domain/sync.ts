import type { ConnectionId } from './connection-id.ts';
import type { ChangeCounts } from './group-change.ts';
import {
  completeFromOf,
  type HistoryPosition,
  historyAfterPage,
  isHistoryPartial,
  isOnward,
  MAX_SEEN,
  NEWS_INTERVAL_MS,
  nextStretch,
  type StretchMarks,
  type StretchRequest,
  VARIATIONS,
} from './history.ts';
import { DAY_MS, type EpochMs, type EpochSeconds, SECOND_MS, toSeconds } from './time.ts';

/** The result of a sync. It counts measurements. */
export type SyncResult = ChangeCounts & {
  /** Groups and single measures that could not be read, and stretches of time that were skipped. */
  skipped: number;
  /** Whether everything that Withings has is stored; otherwise the next call or the cron continues. */
  complete: boolean;
  /** Since when everything that was measured is stored; undefined if nothing older is still to be read. */
  historyCompleteFrom?: EpochMs | undefined;
  syncedAt: EpochMs;
};

/** How far a connection has been read from Withings. */
export type SyncPosition = {
  /**
   * The newest `modified` such that everything before it is stored, or was measured in a part of the history that is
   * read later. It is 0 before the first answer.
   */
  cursorSeconds: EpochSeconds;
  /** Set while a history is read newest first. */
  history: HistoryPosition | undefined;
  /** Set while a read is unfinished because it did not fit one slice. */
  resume: ResumePoint | undefined;
  /** The requests of the last seconds: Withings refuses the same one twice within 10. */
  recentQuestions: readonly AskedQuestion[];
};

/** A `lastupdate` that was sent without an offset, or the widening of a stretch of time; and the time. */
export type AskedQuestion = { seconds: EpochSeconds; at: EpochMs };

/** The parameters of a request: groups changed since a time, from an offset that Withings gave. */
export type PageRequest = { lastUpdateSeconds: EpochSeconds; offset: number | undefined };

/**
 * A read that continues by offset, because the answer's order did not allow the cursor to move. It has its request, its
 * offset, the newest `modified` seen, and the pages seen.
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
 * The next question of a sync. While a history is read, new changes are asked for now and then.
 *
 * @param connectionId spreads the questions of two links to one Withings account, so that they are not the same
 */
export const nextQuestion = (position: SyncPosition, now: EpochMs, connectionId: ConnectionId): SyncQuestion => {
  const { history, cursorSeconds, resume } = position;
  const asksChanges =
    history === undefined ||
    (cursorSeconds > 0 &&
      (resume !== undefined || isHistoryPartial(history) || now - history.newsAt >= NEWS_INTERVAL_MS));
  if (!asksChanges) return nextStretch(history, newVariation(position, now, connectionId % VARIATIONS));
  return { kind: 'changes', ...nextPageRequest(position, now, connectionId % MAX_SPREAD_SECONDS) };
};

/** Withings may store groups slightly out of order: each read starts this much before the cursor. */
const OVERLAP_SECONDS = 60;

/** `spreadSeconds` stays below this. */
export const MAX_SPREAD_SECONDS = 3_600;

/** Far more requests than the quota allows one connection within that time. */
const MAX_RECENT_QUESTIONS = 32;

/** Withings answers 601 to the same arguments within 10 seconds. Its clock and the broker's may differ. */
const SAME_QUESTION_MS = 15_000;

/**
 * The next request: from where a read stopped, otherwise from the cursor minus an overlap. If it was already sent
 * within seconds, it goes back one more second each time: that reads no less and never repeats a request.
 *
 * @param spreadSeconds differs between connections, so that two links to one Withings account do not send the same
 *   request
 */
export const nextPageRequest = (position: SyncPosition, now: EpochMs, spreadSeconds: number): PageRequest => {
  const { resume } = position;
  if (resume !== undefined) return { lastUpdateSeconds: resume.lastUpdateSeconds, offset: resume.offset };
  const asked = new Set(stillRecent(position.recentQuestions, now).map(({ seconds }) => seconds));
  const earliest = 1 + spreadSeconds;
  let wanted = Math.max(earliest, position.cursorSeconds - OVERLAP_SECONDS - spreadSeconds);
  // At the start of 1970 it cannot go further back. Going a few seconds forward skips nothing.
  const step = wanted <= earliest + MAX_RECENT_QUESTIONS ? 1 : -1;
  while (asked.has(wanted)) wanted += step;
  return { lastUpdateSeconds: wanted, offset: undefined };
};

export const withPageRequested = (position: SyncPosition, question: SyncQuestion, now: EpochMs): SyncPosition => {
  if (question.offset !== undefined) return position;
  const recent = stillRecent(position.recentQuestions, now).slice(0, MAX_RECENT_QUESTIONS - 1);
  const seconds = question.kind === 'changes' ? question.lastUpdateSeconds : question.variation;
  return { ...position, recentQuestions: [{ seconds, at: now }, ...recent] };
};

const stillRecent = (questions: readonly AskedQuestion[], now: EpochMs): AskedQuestion[] =>
  questions.filter(({ at }) => now - at < SAME_QUESTION_MS);

/** A widening of none of the questions of the last seconds. */
const newVariation = ({ recentQuestions }: SyncPosition, now: EpochMs, preferred: number): number => {
  const asked = new Set(stillRecent(recentQuestions, now).map(({ seconds }) => seconds));
  let variation = preferred;
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
 * The position of a sync after a page is stored.
 *
 * @param startedAt when the sync began: a history of an earlier sync ends with a request for what changed since
 * @returns the position, whether everything that Withings has is stored, and whether the rest waits for a requested
 *   sync
 */
export const positionAfterAnswer = (
  position: SyncPosition,
  question: SyncQuestion,
  marks: PageMarks & StretchMarks,
  { startedAt, now }: { startedAt: EpochMs; now: EpochMs },
): { position: SyncPosition; complete: boolean; partial: boolean } => {
  const after = afterAnswer(position, question, marks, { startedAt, now });
  const { history, cursorSeconds } = after.position;
  // What changed is asked for before it stops, unless the sync has just begun the history, or has no place to ask from.
  const isNewsFresh = history !== undefined && (history.newsAt >= startedAt || cursorSeconds === 0);
  return { ...after, partial: isNewsFresh && isHistoryPartial(history) && after.position.resume === undefined };
};

const afterAnswer = (
  position: SyncPosition,
  question: SyncQuestion,
  marks: PageMarks & StretchMarks,
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
 * What changed after the first answer is later than the newest of that answer, and later than a day before it, whatever
 * the clocks say. A later answer may contain what changed in between. Without a group there is no cursor: a paused
 * account looks empty.
 */
const firstCursor = (history: HistoryPosition, modifiedSeconds: readonly EpochSeconds[]): EpochSeconds => {
  if (modifiedSeconds.length === 0) return 0;
  const isFirst = history.untilSeconds === undefined && history.paged === undefined;
  return Math.max(cursorOfHistory(history.startedAt), isFirst ? Math.max(...modifiedSeconds) : 0);
};

/** The earliest cursor of a history that begins at a moment. */
export const cursorOfHistory = (startedAt: EpochMs): EpochSeconds => toSeconds(startedAt - DAY_MS);

/** `completeFromOf` in milliseconds. */
export const historyCompleteFrom = ({ history }: SyncPosition): EpochMs | undefined => {
  const seconds = completeFromOf(history);
  return seconds === undefined ? undefined : seconds * SECOND_MS;
};

/**
 * The position after a page is stored.
 *
 * Withings does not document the order; recorded answers to `lastupdate` are ascending in `modified`. While a page is,
 * the cursor moves with it and the next request starts there, without an offset. An offset shifts if a group is edited
 * between two pages, and then a group would be skipped. If the order differs, or the whole page has one time, the read
 * continues by offset and the cursor waits for the last page.
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

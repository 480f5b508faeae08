import type { ChangeCounts } from './group-change.ts';
import type { EpochMs, EpochSeconds } from './time.ts';

/** The result of a sync. It counts measurements. */
export type SyncResult = ChangeCounts & {
  /** Whether everything that Withings has is stored; otherwise the next call or the cron continues. */
  complete: boolean;
  syncedAt: EpochMs;
};

/** How far a connection has been read from Withings. */
export type SyncPosition = {
  /** The newest `modified` such that everything before it is stored; 0 before the first read. */
  cursorSeconds: EpochSeconds;
  /** Set while a read is unfinished because it did not fit one slice. */
  resume: ResumePoint | undefined;
  /** The requests of the last seconds: Withings refuses the same one twice within 10. */
  recentQuestions: readonly AskedQuestion[];
};

/** A `lastupdate` that was sent without an offset, and the time. */
export type AskedQuestion = { seconds: EpochSeconds; at: EpochMs };

/** The parameters of a request: groups changed since a time, from an offset that Withings gave. */
export type PageRequest = { lastUpdateSeconds: EpochSeconds; offset: number | undefined };

/**
 * A read that continues by offset, because the answer's order did not allow the cursor to move: its request, its
 * offset, and the newest `modified` seen.
 */
export type ResumePoint = { lastUpdateSeconds: EpochSeconds; offset: number; newestSeconds: EpochSeconds };

/** Withings may store groups slightly out of order: each read starts this much before the cursor. */
const OVERLAP_SECONDS = 60;

/** `spreadSeconds` stays below this. */
export const MAX_SPREAD_SECONDS = 60;

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

export const withPageRequested = (position: SyncPosition, question: PageRequest, now: EpochMs): SyncPosition => {
  if (question.offset !== undefined) return position;
  const recent = stillRecent(position.recentQuestions, now).slice(0, MAX_RECENT_QUESTIONS - 1);
  return { ...position, recentQuestions: [{ seconds: question.lastUpdateSeconds, at: now }, ...recent] };
};

const stillRecent = (questions: readonly AskedQuestion[], now: EpochMs): AskedQuestion[] =>
  questions.filter(({ at }) => now - at < SAME_QUESTION_MS);

/** The part of a page that the position depends on. */
export type PageMarks = { modifiedSeconds: readonly EpochSeconds[]; nextOffset: number | undefined };

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
  { modifiedSeconds, nextOffset }: PageMarks,
): Pick<SyncPosition, 'cursorSeconds' | 'resume'> => {
  const before = position.resume?.newestSeconds ?? 0;
  const { ascending, rises, newestSeconds } = orderOf(modifiedSeconds, before);
  const reached = Math.max(position.cursorSeconds, newestSeconds);
  if (nextOffset === undefined) return { cursorSeconds: reached, resume: undefined };
  const advances = newestSeconds - OVERLAP_SECONDS - MAX_SPREAD_SECONDS > question.lastUpdateSeconds;
  if (ascending && rises && advances) return { cursorSeconds: reached, resume: undefined };
  return {
    cursorSeconds: position.cursorSeconds,
    resume: { lastUpdateSeconds: question.lastUpdateSeconds, offset: nextOffset, newestSeconds },
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

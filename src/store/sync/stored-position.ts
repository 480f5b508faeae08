import * as z from 'zod';

import type { HistoryProgress } from '../../domain/connection.ts';
import type { HistoryPosition } from '../../domain/history.ts';
import { historyProgress } from '../../domain/start-position.ts';
import { parseStored } from '../../domain/stored-json.ts';
import type { AskedQuestion, ResumePoint, SyncPosition } from '../../domain/sync.ts';
import type { EpochMs } from '../../domain/time.ts';
import { FIRST_REVIEW, type ReviewPosition } from '../../domain/window-review.ts';

/** The JSON columns that say how far a connection was read. */

const seconds = z.number();
const history = z.looseObject({
  startedAt: z.number(),
  newsAt: z.number(),
  untilSeconds: seconds.optional(),
  floorSeconds: seconds.optional(),
  spanSeconds: z.number().optional(),
  paged: z
    .looseObject({
      fromSeconds: seconds.optional(),
      toSeconds: seconds,
      offset: z.number(),
      seen: z.array(z.number()),
    })
    .optional(),
  heights: z.enum(['wanted', 'read']).optional(),
  failures: z.number().optional(),
  gaps: z.number().optional(),
}) as z.ZodType<HistoryPosition>;
const resume = z.looseObject({
  lastUpdateSeconds: seconds,
  offset: z.number(),
  newestSeconds: seconds,
  seen: z.array(z.number()).optional(),
}) as z.ZodType<ResumePoint>;
const questions: z.ZodType<AskedQuestion[]> = z.array(z.looseObject({ seconds, at: z.number() }));
const reviews = z.looseObject({
  recentSpanSeconds: z.number(),
  olderSpanSeconds: z.number(),
  olderUntilSeconds: seconds.optional(),
}) as z.ZodType<ReviewPosition>;

type Columns = {
  cursorSeconds: number;
  resume: string | null;
  history: string | null;
  recentQuestions: string;
};

/**
 * The stored position. Without a readable history it is not known what of the past is stored, so everything is read
 * again. Without a readable point of resuming, the read continues at the cursor.
 */
export const positionOf = (row: Columns): SyncPosition => {
  const stored = parseStored(history, row.history);
  return {
    cursorSeconds: row.history !== null && stored === undefined ? 0 : row.cursorSeconds,
    resume: parseStored(resume, row.resume),
    history: stored,
    recentQuestions: parseStored(questions, row.recentQuestions) ?? [],
  };
};

/** How much of a history is stored. An unreadable position is read again, so its history is being read. */
export const storedProgress = (text: string | null, lastSyncAt: EpochMs | undefined): HistoryProgress => {
  const stored = parseStored(history, text);
  return text !== null && stored === undefined ? 'reading' : historyProgress(stored, lastSyncAt);
};

/** Everything that was new by then is stored: while a history is read, what is new is asked for only now and then. */
export const storedDataAsOf = (text: string | null, lastSyncAt: EpochMs | undefined): EpochMs | undefined => {
  if (text === null || lastSyncAt === undefined) return lastSyncAt;
  const stored = parseStored(history, text);
  return stored && Math.min(stored.newsAt, lastSyncAt);
};

/** The windows that are read next. An unreadable position starts again. */
export const reviewsOf = (text: string | null): ReviewPosition => parseStored(reviews, text) ?? FIRST_REVIEW;

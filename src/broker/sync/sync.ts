import { refusesHistories } from '../../domain/database-size.ts';
import type { Failure } from '../../domain/failure.ts';
import { isHistoryPartial } from '../../domain/history.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { positionAtStart } from '../../domain/start-position.ts';
import { historyCompleteFrom, type SyncResult } from '../../domain/sync.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { MAX_VARIATION_SECONDS, type ReviewKind, reviewWindow, type ReviewWindow } from '../../domain/window-review.ts';
import { storedGroups } from '../../store/sync/known-groups.ts';
import { abandonSync } from '../../store/sync/sync-runs.ts';
import type { MeasurePage } from '../../withings/measure.ts';
import type { Deps } from '../deps.ts';
import { logAbout, reasonOf } from '../log.ts';
import { usableAccessToken } from '../tokens/access-token.ts';
import { askForLess } from './ask-for-less.ts';
import { askPage } from './ask-page.ts';
import { readWindow } from './review-window.ts';
import { type Begun, beginSync, type Synced, type SyncPurpose } from './start-sync.ts';
import { judgeAnswer, type PageAnswer, type Slice, storePage } from './store-page.ts';

/** After this time under the lease, no further page is requested. */
const SLICE_DEADLINE_MS = 60 * SECOND_MS;
/** When the cron continues a sync that did not fit one slice. */
const RESUME_AFTER_MS = MINUTE_MS;

const ASKED_FOR: SyncPurpose = { share: 'sync', isAsked: true, isUse: true, review: 'recent' };

/**
 * Reads what is new at Withings and stores it. One sync of a connection runs at a time, and parallel callers get its
 * result: Withings refuses the same request if it is sent twice.
 *
 * A history that does not fit one slice ends with `complete: false`. What was read is stored, and the next call or the
 * cron continues.
 *
 * Writes, in this order: the requests and the lease (`beginSync`); new tokens, if due (`usableAccessToken`); for each
 * page, in one transaction, its changes, the position and the events (`storePage`), the last one with the result and
 * without the lease. A failure writes what was asked (`abandonSync`). See "What one sync writes" in docs/data-model.md.
 *
 * @returns counts of measurements, or `not_connected`, `reauth_required`, `sync_in_progress`, `over_share`,
 *   `withings_unavailable` and the failures of `usableAccessToken`
 */
export const sync = async (
  deps: Deps,
  connection: Synced,
  purpose: SyncPurpose = ASKED_FOR,
): Promise<Result<SyncResult, Failure>> => {
  const begun = await beginSync(deps, connection, purpose);
  if (!begun.ok) return begun;
  if ('answer' in begun.value) return ok(begun.value.answer);

  const work = syncUnderLease(deps, begun.value, purpose);
  // If the client disconnects, the lease must still be released and a refresh stored.
  deps.waitUntil(work.catch(() => undefined));
  return work;
};

const syncUnderLease = async (
  deps: Deps,
  { start, lease, granted }: Begun,
  { share, isAsked, isUse, review, isPushed }: SyncPurpose,
): Promise<Result<SyncResult, Failure>> => {
  const { connectionId, appId, userId } = start.tokens;
  const user = { appId, userId };
  const position = positionAtStart(start.position, deps.now(), { isAsked, isPushed });
  if (position.history !== undefined && refusesHistories(start.databaseBytes, deps.settings.alarms.databaseMaxBytes)) {
    return abandon(
      deps,
      { connectionId, user, lease },
      { kind: 'database_full', retryAfterSeconds: HOUR_MS / SECOND_MS },
    );
  }
  const token = await usableAccessToken(deps, connectionId, { share, granted, isUse }, start.tokens);
  if (!token.ok) return abandon(deps, { connectionId, user, lease }, token.failure);
  const slice: Slice = {
    connectionId,
    user,
    lease,
    startedAt: deps.now(),
    position,
    reviews: start.reviews,
    startsReviews: !start.isReviewed,
    isUnderWay: start.isUnderWay,
    confirms: start.isUnderWay && (position.history === undefined || isHistoryPartial(position.history)),
    // The newest stretch alone is read again ahead of changes that could not be read.
    readsHistory: position.history !== undefined && position.history.floorSeconds === undefined,
    share,
    isUse,
    isAsked,
    connectedAt: start.connectedAt,
    activity: { isPushed: isPushed === true, delays: [] },
    counts: { added: 0, changed: 0, removed: 0 },
    skipped: 0,
    pages: 0,
    question: undefined,
    retries: 0,
    refusals: start.refusals,
    failure: undefined,
    granted,
    token: token.value,
  };
  const { history } = slice.position;
  if (history === undefined) return pullPages(deps, slice, review);
  // A first read has seen everything, so there is nothing to review.
  return pullPages(deps, slice, isHistoryPartial(history) ? review : undefined);
};

const pullPages = async (
  deps: Deps,
  slice: Slice,
  review: ReviewKind | undefined,
): Promise<Result<SyncResult, Failure>> => {
  const { settings } = deps;
  const deadline = deps.now() + SLICE_DEADLINE_MS;
  let groups = 0;
  for (;;) {
    const isInTime = deps.now() < deadline;
    const answer = await askPage(deps, slice, requestsWanted(slice, review));
    if (!answer.ok) {
      if (isInTime && (await askForLess(deps, slice, answer.failure))) continue;
      return afterFailure(deps, slice, answer.failure);
    }
    const judged = judgeAnswer(slice, answer.value, deps.now());
    groups += answer.value.page.groups.length;
    // Heights are few, and the first slice is to show a BMI.
    const isFull = groups >= settings.groupsPerPage / 2 && judged.position.history?.heights !== 'wanted';
    const isEnough = isFull || deps.now() >= deadline;
    const isLastOfSlice = isEnough || slice.pages + 1 >= settings.pagesPerSlice;
    const isToReview = (judged.complete || judged.partial) && !isEnough;
    const window = isToReview ? windowIfGranted(deps, slice, review, answer.value) : undefined;
    // What is stored is read while Withings answers: under the lease nothing else stores groups.
    const [before, reviewed] = await Promise.all([
      storedGroups(deps.db, slice.connectionId, idsOf(answer.value.page), window),
      window && readWindow(deps, slice.granted, slice.token, slice.reviews, window),
    ]);
    const resumeAt = isLastOfSlice ? deps.now() + RESUME_AFTER_MS : undefined;
    const stored = before.ok ? await storePage(deps, slice, judged, before.value, resumeAt, reviewed) : before;
    if (!stored.ok) return afterFailure(deps, slice, stored.failure);
    if (stored.value !== undefined) return ok(stored.value);
  }
};

/**
 * A first read requests the newest stretch and the one before. A later one requests what changed, and reviews a window.
 */
const requestsWanted = ({ position, pages }: Slice, review: ReviewKind | undefined): number => {
  if (position.history !== undefined) return pages === 0 ? 2 : 1;
  return review === undefined ? 1 : 2;
};

const idsOf = ({ groups }: MeasurePage): Set<number> => new Set(groups.map(({ groupId }) => groupId));

/** The window to read again, if that is wanted and a request is left for it. */
const windowIfGranted = (
  deps: Deps,
  { granted, reviews, position }: Slice,
  review: ReviewKind | undefined,
  { question }: PageAnswer,
): ReviewWindow | undefined => {
  if (review === undefined || granted.left < 1 || question.kind !== 'changes') return undefined;
  // No request is equal to one of the last seconds: see `nextPageRequest`.
  const variation = question.lastUpdateSeconds % MAX_VARIATION_SECONDS;
  return reviewWindow(reviews, review, deps.now(), variation, position.history?.untilSeconds);
};

/** Stored pages count, whatever came after them. Without any, the caller gets the failure. */
const afterFailure = async (deps: Deps, slice: Slice, failure: Failure): Promise<Result<SyncResult, Failure>> => {
  const isFinal = failure.kind === 'reauth_required' || failure.kind === 'not_connected';
  // A history that only waits for its share counts as running.
  const isWaiting = slice.isUnderWay && failure.kind === 'over_share';
  // The caller gets the failure that ended the connection.
  if (isFinal) return abandon(deps, { ...slice, failure: undefined }, failure);
  if (slice.pages === 0 && !isWaiting) return abandon(deps, slice, failure);
  const { counts, skipped, position } = slice;
  const completeFrom = historyCompleteFrom(position);
  const outcome = ok({ ...counts, skipped, complete: false, historyCompleteFrom: completeFrom, syncedAt: deps.now() });
  const ended = await abandonSync(deps.db, slice.connectionId, slice.lease.id, {
    outcome,
    endedAt: deps.now(),
    position,
    // Unreadable changes are not requested again for a while.
    resumeAt: deps.now() + (position.history?.floorSeconds === undefined ? RESUME_AFTER_MS : HOUR_MS),
    failure: slice.failure,
  });
  const line = { level: 'info', event: 'sync', outcome: 'partial', reason: reasonOf(failure) } as const;
  await logAbout(deps, slice.user, { ...line, count: slice.pages });
  return ended.ok ? outcome : ended;
};

/** A slice, or the part of it that is known if there was no token. That is shown as a failed refresh. */
type Ended = Pick<Slice, 'connectionId' | 'user' | 'lease'> & Partial<Pick<Slice, 'position' | 'failure'>>;

const abandon = async (
  deps: Deps,
  { connectionId, user, lease, position, failure: shown }: Ended,
  failure: Failure,
): Promise<Result<SyncResult, Failure>> => {
  const outcome = fail(failure);
  await abandonSync(deps.db, connectionId, lease.id, {
    outcome,
    endedAt: deps.now(),
    position,
    resumeAt: undefined,
    failure: shown,
  });
  await logAbout(deps, user, { level: 'warn', event: 'sync', outcome: 'failed', reason: reasonOf(failure) });
  return outcome;
};

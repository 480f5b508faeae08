import type { Failure, ReauthReason } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { MAX_SPREAD_SECONDS, nextPageRequest, type SyncResult, withPageRequested } from '../../domain/sync.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import type { ReviewKind } from '../../domain/window-review.ts';
import { abandonSync } from '../../store/sync/sync-runs.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { Deps } from '../deps.ts';
import { logAbout, reasonOf } from '../log.ts';
import { condemn, usableAccessToken } from '../tokens/access-token.ts';
import { believes } from '../tokens/refusal.ts';
import { withingsUnavailable } from '../tokens/withings-unavailable.ts';
import type { Reservation } from '../withings.ts';
import { readWindow, type Review } from './review-window.ts';
import { type Begun, beginSync, MAX_WAIT_SECONDS, MAX_WAITS, type Synced, type SyncPurpose } from './start-sync.ts';
import { type PageAnswer, type Slice, storePage } from './store-page.ts';

/** No further page is begun this long after the lease was taken. */
const SLICE_DEADLINE_MS = 60 * SECOND_MS;
/** Of a window's beginning; longer than questions are remembered. */
const MAX_VARIATION_SECONDS = 600;
/** When the cron goes on with a sync that did not fit one slice. */
const RESUME_AFTER_MS = MINUTE_MS;

const ASKED_FOR: SyncPurpose = { share: 'sync', isUse: true, review: 'recent' };

/**
 * Pulls what is new at Withings and stores it. One sync of a connection runs at a time; parallel callers get its result, because Withings
 * refuses the same question asked twice.
 *
 * A history that does not fit one slice ends with `complete: false`: what was read is stored, and the next call or the cron goes on.
 *
 * @returns counts of measurements, or `not_connected`, `reauth_required`, `sync_in_progress`, `over_share`, `withings_unavailable` and the
 *   failures of `usableAccessToken`
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
  // A client that goes away must not leave the lease behind, nor a refresh unstored.
  deps.waitUntil(work.catch(() => undefined));
  return work;
};

const syncUnderLease = async (
  deps: Deps,
  { start, lease, granted }: Begun,
  { share, isUse, review }: SyncPurpose,
): Promise<Result<SyncResult, Failure>> => {
  const { connectionId, appId, userId } = start.tokens;
  const user = { appId, userId };
  const token = await usableAccessToken(deps, connectionId, { share, granted }, start.tokens);
  if (!token.ok) return abandon(deps, { connectionId, user, lease }, token.failure);
  const slice: Slice = {
    connectionId,
    user,
    lease,
    position: start.position,
    reviews: start.reviews,
    startsReviews: !start.isReviewed,
    isUnderWay: start.isUnderWay,
    share,
    isUse,
    counts: { added: 0, changed: 0, removed: 0 },
    pages: 0,
    refusals: start.refusals,
    failure: undefined,
    granted,
    token: token.value,
  };
  // A first read has just seen everything: there is nothing to review.
  const isFirst = start.position.cursorSeconds === 0;
  return pullPages(deps, slice, isFirst ? undefined : review);
};

const pullPages = async (
  deps: Deps,
  slice: Slice,
  review: ReviewKind | undefined,
): Promise<Result<SyncResult, Failure>> => {
  const deadline = deps.now() + SLICE_DEADLINE_MS;
  for (;;) {
    const answer = await ask(deps, slice, review === undefined ? 1 : 2);
    if (!answer.ok) return afterFailure(deps, slice, answer.failure);
    const isLastOfSlice = slice.pages + 1 >= deps.settings.pagesPerSlice || deps.now() >= deadline;
    const isLast = answer.value.page.nextOffset === undefined;
    const window = isLast && !isLastOfSlice ? await readWindowIfGranted(deps, slice, review, answer.value) : undefined;
    const resumeAt = isLastOfSlice ? deps.now() + RESUME_AFTER_MS : undefined;
    const stored = await storePage(deps, slice, answer.value, resumeAt, window);
    if (!stored.ok) return afterFailure(deps, slice, stored.failure);
    if (stored.value !== undefined) return ok(stored.value);
  }
};

/** Reads a window again where that is wanted and a request is left for it. */
const readWindowIfGranted = async (
  deps: Deps,
  slice: Slice,
  review: ReviewKind | undefined,
  { question }: PageAnswer,
): Promise<Review | undefined> => {
  const { granted } = slice;
  if (review === undefined || granted.left < 1) return undefined;
  // No question of the last seconds is the same: see `nextPageRequest`.
  return readWindow(
    deps,
    granted,
    slice.token,
    slice.reviews,
    review,
    question.lastUpdateSeconds % MAX_VARIATION_SECONDS,
  );
};

/** Asks for the next page, and once more with a fresh token where the stored one is refused. */
const ask = async (deps: Deps, slice: Slice, wanted: number): Promise<Result<PageAnswer, Failure>> => {
  for (let refused = 0; ; refused += 1) {
    const granted = await takeRequest(deps, slice, wanted);
    if (!granted.ok) return granted;

    const question = nextPageRequest(slice.position, deps.now(), slice.connectionId % MAX_SPREAD_SECONDS);
    slice.position = withPageRequested(slice.position, question, deps.now());
    const page = await deps.withings.measureGroups(granted.value, {
      accessToken: slice.token.accessToken,
      ...question,
    });
    if (page.ok) return ok({ question, page: page.value });
    if (page.failure.kind === 'insufficient_scope') return condemnSlice(deps, slice, 'insufficient_scope');
    slice.failure = page.failure.kind;
    if (page.failure.kind !== 'unauthorized') return fail(withingsUnavailable(page.failure));
    if (refused > 0) return onRefused(deps, slice, page.failure);

    const fresh = await usableAccessToken(deps, slice.connectionId, {
      share: slice.share,
      rejectedVersion: slice.token.tokenVersion,
    });
    // Shown already, as a failed refresh.
    slice.failure = undefined;
    if (!fresh.ok) return fresh;
    slice.token = fresh.value;
  }
};

/** Takes one request of the share, if none is left; where more are wanted they are taken in the same row, or else left. */
const takeRequest = async (deps: Deps, slice: Slice, wanted: number): Promise<Result<Reservation, Failure>> => {
  const { granted } = slice;
  // A refresh takes of what was granted first: then the last page lacks the request for its review.
  if (granted.left >= wanted || (granted.left > 0 && slice.pages > 0)) return ok(granted);
  const { share, connectionId, isUnderWay, user } = slice;
  const asker = { share, connectionId, appId: share === 'sync' ? user.appId : undefined };
  const waits = isUnderWay ? MAX_WAITS : 0;
  for (let count = wanted - granted.left, waited = 0; ;) {
    const reserved = await deps.withings.reserve(asker, count);
    if (reserved.ok) granted.join(reserved.value);
    if (granted.left > 0) return ok(granted);
    if (reserved.ok || reserved.failure.kind !== 'over_share') return reserved;
    if (count === 1) {
      const { retryAfterSeconds } = reserved.failure;
      if (waited >= waits || retryAfterSeconds > MAX_WAIT_SECONDS) return reserved;
      await deps.sleep(retryAfterSeconds * SECOND_MS);
      waited += 1;
    }
    count = 1;
  }
};

/** Refused with a token that is fresh: after hours of it the user has to connect again. */
const onRefused = async (deps: Deps, slice: Slice, failure: WithingsFailure): Promise<Result<PageAnswer, Failure>> => {
  const { connectionId, refusals } = slice;
  const isBelieved = await believes(deps, { connectionId, since: refusals.since, attempts: refusals.attempts + 1 });
  return isBelieved ? condemnSlice(deps, slice, 'access_token_rejected') : fail(withingsUnavailable(failure));
};

const condemnSlice = (deps: Deps, { connectionId, user, token }: Slice, reason: ReauthReason) =>
  condemn(deps, { ...user, connectionId, tokenVersion: token.tokenVersion }, reason);

/** Pages that were stored count, whatever came after them; without any, the caller is told what went wrong. */
const afterFailure = async (deps: Deps, slice: Slice, failure: Failure): Promise<Result<SyncResult, Failure>> => {
  const isFinal = failure.kind === 'reauth_required' || failure.kind === 'not_connected';
  // A history under way that only has to wait for its share is still under way.
  const isWaiting = slice.isUnderWay && failure.kind === 'over_share';
  // What ended the connection is told as that.
  if (isFinal) return abandon(deps, { ...slice, failure: undefined }, failure);
  if (slice.pages === 0 && !isWaiting) return abandon(deps, slice, failure);
  const outcome = ok({ ...slice.counts, complete: false, syncedAt: deps.now() });
  const ended = await abandonSync(deps.db, slice.connectionId, slice.lease.id, {
    outcome,
    endedAt: deps.now(),
    recentQuestions: slice.position.recentQuestions,
    resumeAt: deps.now() + RESUME_AFTER_MS,
    failure: slice.failure,
  });
  const line = { level: 'info', event: 'sync', outcome: 'partial', reason: reasonOf(failure) } as const;
  await logAbout(deps, slice.user, { ...line, count: slice.pages });
  return ended.ok ? outcome : ended;
};

/** A slice, or what there is of one whose token was not to be had: that is shown as a failed refresh. */
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
    recentQuestions: position?.recentQuestions,
    resumeAt: undefined,
    failure: shown,
  });
  await logAbout(deps, user, { level: 'warn', event: 'sync', outcome: 'failed', reason: reasonOf(failure) });
  return outcome;
};

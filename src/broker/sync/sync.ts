import { hex } from '../../crypto/credential.ts';
import { whyUnusable } from '../../domain/connection.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import {
  MAX_SPREAD_SECONDS,
  nextPageRequest,
  type SyncPosition,
  type SyncResult,
  withPageRequested,
} from '../../domain/sync.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import type { ReviewKind } from '../../domain/window-review.ts';
import { abandonSync, type SyncLease, type SyncStart, syncStateOf, takeSyncLease } from '../../store/sync/sync-runs.ts';
import { type QuotaName } from '../../store/tokens/withings-quota.ts';
import type { Deps } from '../deps.ts';
import { logAbout, reasonOf } from '../log.ts';
import { condemn, usableAccessToken } from '../tokens/access-token.ts';
import { withingsUnavailable } from '../tokens/withings-unavailable.ts';
import type { Reservation } from '../withings.ts';
import { readWindow, type Review } from './review-window.ts';
import { type PageAnswer, type Slice, storePage } from './store-page.ts';

/** Longer than a whole slice with its refresh may take; a holder that died blocks its connection for this long. */
const SYNC_LEASE_MS = 2 * MINUTE_MS;
/** No further page is begun this long after the lease was taken. */
const SLICE_DEADLINE_MS = 60 * SECOND_MS;
/** Of a window's beginning; longer than questions are remembered. */
const MAX_VARIATION_SECONDS = 600;
/** When the cron goes on with a sync that did not fit one slice. */
const RESUME_AFTER_MS = MINUTE_MS;

/**
 * What a sync is for: whose share of Withings' requests it takes, whether somebody asked for it, and which window it re-reads when
 * everything new is read.
 */
export type SyncPurpose = { share: Exclude<QuotaName, 'cron' | 'link' | 'other'>; isUse: boolean; review: ReviewKind };

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
  connectionId: number,
  purpose: SyncPurpose = ASKED_FOR,
): Promise<Result<SyncResult, Failure>> => {
  const startedAt = deps.now();
  const lease = { id: hex(deps.random(16)), until: startedAt + SYNC_LEASE_MS };
  const taken = await takeSyncLease(deps.db, connectionId, lease, startedAt);
  if (!taken.ok) return taken;
  if (taken.value === undefined) return awaitSync(deps, connectionId, startedAt);

  const work = syncUnderLease(deps, connectionId, lease, taken.value, purpose);
  // A client that goes away must not leave the lease behind, nor a refresh unstored.
  deps.waitUntil(work.catch(() => undefined));
  return work;
};

const syncUnderLease = async (
  deps: Deps,
  connectionId: number,
  lease: SyncLease,
  start: SyncStart,
  { share, isUse, review }: SyncPurpose,
): Promise<Result<SyncResult, Failure>> => {
  const token = await usableAccessToken(deps, connectionId, { share });
  const { user } = start;
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
    granted: undefined,
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
  if (review === undefined || granted === undefined || granted.left < 1) return undefined;
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
    if (page.failure.kind === 'insufficient_scope') return condemnSlice(deps, slice);
    if (page.failure.kind !== 'unauthorized' || refused > 0) return fail(withingsUnavailable(page.failure));

    const fresh = await usableAccessToken(deps, slice.connectionId, {
      share: slice.share,
      rejectedVersion: slice.token.tokenVersion,
    });
    if (!fresh.ok) return fresh;
    slice.token = fresh.value;
  }
};

/** How often a history under way waits for its next request, a second or two each time: an app that asks on gets on, page by page. */
const MAX_WAITS = 2;
const MAX_WAIT_SECONDS = 5;

/** Takes one request of the share, if none is left; where more are wanted they are taken in the same row, or else left. */
const takeRequest = async (deps: Deps, slice: Slice, wanted: number): Promise<Result<Reservation, Failure>> => {
  if (slice.granted !== undefined && slice.granted.left > 0) return ok(slice.granted);
  const { share, connectionId, isUnderWay, user } = slice;
  const asker = { share, connectionId, appId: share === 'sync' ? user.appId : undefined };
  const waits = isUnderWay ? MAX_WAITS : 0;
  for (let count = wanted, waited = 0; ;) {
    const reserved = await deps.withings.reserve(asker, count);
    if (reserved.ok) return ok((slice.granted = reserved.value));
    const { failure } = reserved;
    if (failure.kind !== 'over_share') return reserved;
    if (count === 1) {
      if (waited >= waits || failure.retryAfterSeconds > MAX_WAIT_SECONDS) return reserved;
      await deps.sleep(failure.retryAfterSeconds * SECOND_MS);
      waited += 1;
    }
    count = 1;
  }
};

const condemnSlice = (deps: Deps, { connectionId, user, token }: Slice) =>
  condemn(deps, { ...user, connectionId, tokenVersion: token.tokenVersion }, 'insufficient_scope');

/** Pages that were stored count, whatever came after them; without any, the caller is told what went wrong. */
const afterFailure = async (deps: Deps, slice: Slice, failure: Failure): Promise<Result<SyncResult, Failure>> => {
  const isFinal = failure.kind === 'reauth_required' || failure.kind === 'not_connected';
  // A history under way that only has to wait for its share is still under way.
  const isWaiting = slice.isUnderWay && failure.kind === 'over_share';
  if ((slice.pages === 0 && !isWaiting) || isFinal) return abandon(deps, slice, failure);
  const outcome = ok({ ...slice.counts, complete: false, syncedAt: deps.now() });
  const ended = await abandonSync(deps.db, slice.connectionId, slice.lease.id, {
    outcome,
    endedAt: deps.now(),
    recentQuestions: slice.position.recentQuestions,
    resumeAt: deps.now() + RESUME_AFTER_MS,
  });
  const line = { level: 'info', event: 'sync', outcome: 'partial', reason: reasonOf(failure) } as const;
  await logAbout(deps, slice.user, { ...line, count: slice.pages });
  return ended.ok ? outcome : ended;
};

const abandon = async (
  deps: Deps,
  { connectionId, user, lease, position }: Pick<Slice, 'connectionId' | 'user' | 'lease'> & { position?: SyncPosition },
  failure: Failure,
): Promise<Result<SyncResult, Failure>> => {
  const outcome = fail(failure);
  await abandonSync(deps.db, connectionId, lease.id, {
    outcome,
    endedAt: deps.now(),
    recentQuestions: position?.recentQuestions,
    resumeAt: undefined,
  });
  await logAbout(deps, user, { level: 'warn', event: 'sync', outcome: 'failed', reason: reasonOf(failure) });
  return outcome;
};

/** How often a caller looks for the running sync's result before it is told to come back. Together 12 seconds. */
const SYNC_POLLS_MS = [150, 250, 400, 700, 1_000, 1_500, 2_000, 2_000, 2_000, 2_000];

/** Somebody else is syncing this connection: their result is ours too. */
const awaitSync = async (deps: Deps, connectionId: number, startedAt: number): Promise<Result<SyncResult, Failure>> => {
  for (const pauseMs of [0, ...SYNC_POLLS_MS]) {
    if (pauseMs > 0) await deps.sleep(pauseMs);
    const state = await syncStateOf(deps.db, connectionId);
    if (!state.ok) return state;
    const last = state.value?.last;
    if (last !== undefined && last.endedAt >= startedAt) return last.outcome as Result<SyncResult, Failure>;
    const unusable = whyUnusable(state.value);
    if (unusable !== undefined) return fail(unusable);
    if (state.value?.leaseId === undefined) break;
  }
  return fail({ kind: 'sync_in_progress', retryAfterSeconds: 5 });
};

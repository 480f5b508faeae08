import type { Failure, ReauthReason } from '../../domain/failure.ts';
import { partOfHistory } from '../../domain/history-part.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { nextQuestion, withPageRequested } from '../../domain/sync.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { Deps } from '../deps.ts';
import { requireReauth, usableAccessToken } from '../tokens/access-token.ts';
import { believes } from '../tokens/refusal.ts';
import { withingsUnavailable } from '../tokens/withings-unavailable.ts';
import type { Reservation } from '../withings.ts';
import { MAX_WAIT_SECONDS, MAX_WAITS } from './start-sync.ts';
import type { PageAnswer, Slice } from './store-page.ts';

/** Requests the next page, and once more with a new token if the stored one is refused. */
export const askPage = async (deps: Deps, slice: Slice, wanted: number): Promise<Result<PageAnswer, Failure>> => {
  for (let refused = 0; ; refused += 1) {
    const granted = await takeRequest(deps, slice, wanted);
    if (!granted.ok) return granted;

    const question = nextQuestion(slice.position, deps.now(), slice.connectionId);
    slice.question = question;
    slice.position = withPageRequested(slice.position, question, deps.now());
    const { kind: _, ...query } = question;
    const part = partOfHistory(slice.position, question, deps.settings.groupsPerPage);
    const { accessToken } = slice.token;
    const page = await deps.withings.measureGroups(granted.value, { accessToken, part, ...query });
    if (page.ok) return ok({ question, page: page.value });
    if (page.failure.kind === 'insufficient_scope') return requireReauthOfSlice(deps, slice, 'insufficient_scope');
    slice.failure = page.failure.kind;
    if (page.failure.kind !== 'unauthorized') return fail(withingsUnavailable(page.failure));
    if (refused > 0) return onRefused(deps, slice, page.failure);

    const fresh = await usableAccessToken(deps, slice.connectionId, {
      share: slice.share,
      granted: slice.granted,
      isUse: slice.isUse,
      rejectedVersion: slice.token.tokenVersion,
    });
    // It is already shown as a failed refresh.
    slice.failure = undefined;
    if (!fresh.ok) return fresh;
    slice.token = fresh.value;
  }
};

/** Reserves one request, if none is left. If more are wanted, they are reserved in the same row, or not at all. */
export const takeRequest = async (deps: Deps, slice: Slice, wanted: number): Promise<Result<Reservation, Failure>> => {
  const { granted } = slice;
  // A refresh uses reserved requests first, so the last page may have none left for its review.
  if (granted.left >= wanted || (granted.left > 0 && slice.pages > 0)) return ok(granted);
  const { share, connectionId, isUnderWay, pages, user } = slice;
  const asker = { share, connectionId, appId: share === 'sync' ? user.appId : undefined };
  const waits = isUnderWay || pages > 0 ? MAX_WAITS : 0;
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

/** Refused with a new token. After hours of this the user has to connect again. */
const onRefused = async (deps: Deps, slice: Slice, failure: WithingsFailure): Promise<Result<PageAnswer, Failure>> => {
  const { connectionId, refusals } = slice;
  const isBelieved = await believes(deps, { connectionId, since: refusals.since, attempts: refusals.attempts + 1 });
  return isBelieved ? requireReauthOfSlice(deps, slice, 'access_token_rejected') : fail(withingsUnavailable(failure));
};

const requireReauthOfSlice = (deps: Deps, { connectionId, user, token }: Slice, reason: ReauthReason) =>
  requireReauth(deps, { ...user, connectionId, tokenVersion: token.tokenVersion }, reason);

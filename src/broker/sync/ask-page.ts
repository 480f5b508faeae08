import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { nextQuestion, withPageRequested } from '../../domain/sync.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { Deps } from '../deps.ts';
import { condemn, usableAccessToken } from '../tokens/access-token.ts';
import { withingsUnavailable } from '../tokens/withings-unavailable.ts';
import type { Reservation } from '../withings.ts';
import type { PageAnswer, Slice } from './store-page.ts';

/** Asks for the next page, and once more with a fresh token where the stored one is refused. */
export const askPage = async (deps: Deps, slice: Slice, wanted: number): Promise<Result<PageAnswer, Failure>> => {
  for (let refused = 0; ; refused += 1) {
    const granted = await takeRequest(deps, slice, wanted);
    if (!granted.ok) return granted;

    const question = nextQuestion(slice.position, deps.now(), slice.connectionId);
    slice.question = question;
    slice.position = withPageRequested(slice.position, question, deps.now());
    const { kind: _, ...query } = question;
    const page = await deps.withings.measureGroups(granted.value, { accessToken: slice.token.accessToken, ...query });
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
export const takeRequest = async (deps: Deps, slice: Slice, wanted: number): Promise<Result<Reservation, Failure>> => {
  if (slice.granted !== undefined && slice.granted.left > 0) return ok(slice.granted);
  const { share, connectionId, isUnderWay, pages, user } = slice;
  const asker = { share, connectionId, appId: share === 'sync' ? user.appId : undefined };
  const waits = isUnderWay || pages > 0 ? MAX_WAITS : 0;
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

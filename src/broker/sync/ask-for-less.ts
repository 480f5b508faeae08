import type { Failure } from '../../domain/failure.ts';
import {
  aroundGap,
  historyAfterFailure,
  type HistoryPosition,
  isHopeless,
  isShortest,
  newestAlone,
  startOfHistory,
  type StretchRequest,
} from '../../domain/history.ts';
import { cursorOfHistory } from '../../domain/sync.ts';
import { toSeconds } from '../../domain/time.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { noteSightings } from '../operator/alarms.ts';
import { takeRequest } from './ask-page.ts';
import type { Slice } from './store-page.ts';

/** What a question for less may cure, in the same slice. */
const UNREADABLE: ReadonlySet<string> = new Set(['timeout', 'body_too_large', 'not_json', 'malformed']);
/** What it may cure too, such as a gateway that gave up; but what is down is better left alone for now. */
const TROUBLED: ReadonlySet<string> = new Set(['http_error', 'network', 'upstream_error']);
/** An upstream that is down looks the same: a slice is not spent on it. */
const MAX_RETRIES = 2;

/**
 * After an answer that could not be read: asks for less from now on, which is kept with the position. A first read, or the reading of a long
 * past, goes on with smaller stretches of time. Ahead of changes that cannot be read, the next sync reads the newest stretch. Their cursor stays
 * where it is, so nothing is lost once they can be read again.
 *
 * @returns whether to ask again within this slice
 */
export const askForLess = async (deps: Deps, slice: Slice, failure: Failure): Promise<boolean> => {
  const { question, position } = slice;
  if (failure.kind !== 'withings_unavailable' || question === undefined) return false;
  const isUnreadable = UNREADABLE.has(failure.cause);
  if (!isUnreadable && !TROUBLED.has(failure.cause)) return false;
  slice.retries += 1;
  const mayRetry = isUnreadable && slice.retries <= MAX_RETRIES;
  if (question.kind === 'changes') {
    if (!isUnreadable) return false;
    // More changed than one answer can hold, which it will not do the next time either: everything is read again, if that gets past it.
    const isPast = position.cursorSeconds < cursorOfHistory(deps.now());
    const isTooLarge = failure.cause === 'body_too_large' && position.history === undefined && isPast;
    const again = isTooLarge && { cursorSeconds: 0, history: startOfHistory(deps.now()) };
    const history = position.history ? { ...position.history, newsAt: deps.now() } : newestAlone(deps.now());
    slice.position = { ...position, resume: undefined, history, ...again };
    return mayRetry && (isTooLarge || position.history !== undefined);
  }
  const { history } = position;
  if (history === undefined) return false;
  const after = historyAfterFailure(history, question);
  slice.position = { ...position, history: after };
  if (!isShortest(history, question)) return mayRetry;
  return isHopeless(after) && goAround(deps, slice, after, question, failure.cause);
};

/** Leaves out a stretch that cannot be read, if Withings answers anything else about this person: it is not down then. */
const goAround = async (
  deps: Deps,
  slice: Slice,
  history: HistoryPosition,
  { endDateSeconds }: StretchRequest,
  cause: string,
): Promise<boolean> => {
  const granted = await takeRequest(deps, slice, 1);
  if (!granted.ok) return false;
  const { accessToken } = slice.token;
  const lastUpdateSeconds = toSeconds(deps.now()) - (endDateSeconds % 60);
  const probe = await deps.withings.measureGroups(granted.value, { accessToken, lastUpdateSeconds });
  const after = aroundGap(history);
  if (!probe.ok || (after === undefined && slice.position.cursorSeconds === 0)) return false;
  slice.position = { ...slice.position, history: after };
  slice.skipped += 1;
  await logAbout(deps, slice.user, { level: 'warn', event: 'sync', outcome: 'gap', reason: cause });
  deps.waitUntil(noteSightings(deps, { withings_unreadable: 'a stretch of a history was gone around' }));
  return true;
};

import type { Failure } from '../../domain/failure.ts';
import { historyAfterFailure, historyAfterSkip, isHopeless, isShortest } from '../../domain/history-failure.ts';
import { type HistoryPosition, newestAlone, startOfHistory, type StretchRequest } from '../../domain/history.ts';
import { cursorOfHistory } from '../../domain/sync.ts';
import { toSeconds } from '../../domain/time.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { recordObservations } from '../operator/alarms.ts';
import { takeRequest } from './ask-page.ts';
import type { Slice } from './store-page.ts';

/** Failures that a smaller request may solve, in the same slice. */
const UNREADABLE: ReadonlySet<string> = new Set(['timeout', 'body_too_large', 'not_json', 'malformed']);
/**
 * Failures that a smaller request may solve too, such as a gateway time-out. If Withings is down, it is better not to
 * ask now.
 */
const TROUBLED: ReadonlySet<string> = new Set(['http_error', 'network', 'upstream_error']);
/** An outage looks the same, so a slice does not spend more requests on it. */
const MAX_RETRIES = 2;

/**
 * After an unreadable answer: requests less from now on, which is stored with the position. A first read or a long past
 * continues with shorter stretches of time. If the changes are unreadable, the next sync reads the newest stretch. The
 * cursor of changes stays, so nothing is lost when they are readable again.
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
    // More changed than one answer can hold, and the next answer would not hold it either. Everything is read again,
    // which gets past it.
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
  return isHopeless(after) && skipStretch(deps, slice, after, question, failure.cause);
};

/** Skips a stretch that cannot be read, if Withings answers another request about this person: then it is not down. */
const skipStretch = async (
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
  const after = historyAfterSkip(history);
  if (!probe.ok || (after === undefined && slice.position.cursorSeconds === 0)) return false;
  slice.position = { ...slice.position, history: after };
  slice.skipped += 1;
  await logAbout(deps, slice.user, { level: 'warn', event: 'sync', outcome: 'gap', reason: cause });
  deps.waitUntil(recordObservations(deps, { withings_unreadable: 'a stretch of a history was skipped' }));
  return true;
};

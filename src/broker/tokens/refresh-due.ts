import type { StoredTokens } from '../../domain/connection.ts';
import { mayStillSend } from '../../domain/refresh.ts';
import { DAY_MS, MINUTE_MS } from '../../domain/time.ts';
import { type DueTokens, type RefreshLease, returnLeases, takeDueLeases } from '../../store/tokens/tokens.ts';
import { closeQuota } from '../../store/tokens/withings-quota.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { newRefreshLease, type RefreshOutcome, refreshUnderLease, wasInDoubt } from './refresh.ts';

/**
 * A disabled app's connections are due again after this. Each attempt writes rows, and the tokens live a year. After
 * the app is enabled, its next sync refreshes anyway.
 */
const DISABLED_APP_PAUSE_MS = 30 * DAY_MS;
/** The pause of a connection that was leased but not refreshed in this batch. */
const UNBEGUN_PAUSE_MS = MINUTE_MS;
/**
 * This many failures in a row that may concern all connections are taken as an outage of Withings. A single one may
 * concern one connection.
 */
const FAILURES_OF_ALL = 2;
/** How long the cron refreshes nothing while Withings seems to be down. */
const DOWN_PAUSE_MS = 5 * MINUTE_MS;

/** The most D1 calls of one refresh: every step fails, its writes are retried, and the batch is returned. */
const WORST_REFRESH_CALLS = 15;

/**
 * Refreshes connections in doubt, then those due longest: a bounded batch. A failure of one does not stop the others.
 * If Withings is down or asks to wait, the batch ends and the cron's share is closed, so that the next ticks send
 * nothing.
 *
 * @param mostCalls how many D1 calls this invocation may have made when this returns
 * @returns whether Withings accepts the broker's id and secret; undefined if no request was sent
 */
export const refreshDue = async (deps: Deps, mostCalls: number): Promise<'accepted' | 'rejected' | undefined> => {
  const lease = newRefreshLease(deps);
  const taken = await takeDueLeases(deps.db, lease, deps.settings.refreshBatch);
  if (!taken.ok) {
    deps.log({ level: 'error', event: 'tick', outcome: 'failed', reason: taken.failure.kind });
    return undefined;
  }

  // A refresh in doubt is finished even if the app is disabled: its stored refresh token lives 8 hours.
  const isLeftAlone = (tokens: DueTokens) => tokens.appDisabled && !wasInDoubt(tokens, lease);
  await releaseLeases(deps, lease, taken.value.filter(isLeftAlone), DISABLED_APP_PAUSE_MS);
  const waiting = taken.value
    .filter((tokens) => !isLeftAlone(tokens))
    .sort((left, right) => Number(wasInDoubt(right, lease)) - Number(wasInDoubt(left, lease)));

  let refreshed = 0;
  let failures = 0;
  let pauseMs = 0;
  let client: 'accepted' | 'rejected' | undefined;
  while (mayStillSend(lease.until, deps.now()) && deps.db.calls.made + WORST_REFRESH_CALLS <= mostCalls) {
    const tokens = waiting.shift();
    if (tokens === undefined) break;
    const outcome = await refreshApart(deps, tokens, lease);
    if (outcome.kind === 'refreshed') refreshed += 1;
    client = clientIn(outcome) ?? client;
    const { reach, pauseMs: asked } = outcome.kind === 'failed' ? outcome : { reach: 'one' as const };
    failures = reach === 'one' ? 0 : failures + 1;
    if (reach === 'all') pauseMs = asked ?? 0;
    else if (failures >= FAILURES_OF_ALL) pauseMs = DOWN_PAUSE_MS;
    if (reach === 'all' || failures >= FAILURES_OF_ALL) break;
  }
  await releaseLeases(deps, lease, waiting, UNBEGUN_PAUSE_MS);
  if (pauseMs > 0) await closeQuota(deps.db, 'cron', deps.settings.shares.cron, deps.now() + pauseMs, deps.now());
  deps.log({ level: 'info', event: 'tick', outcome: 'refreshed', count: refreshed });
  return client;
};

const clientIn = (outcome: RefreshOutcome): 'accepted' | 'rejected' | undefined => {
  if (outcome.kind === 'refreshed') return 'accepted';
  const isRejected =
    outcome.kind === 'failed' &&
    outcome.failure.kind === 'withings_unavailable' &&
    outcome.failure.cause === 'client_rejected';
  return isRejected ? 'rejected' : undefined;
};

/** A bug that one connection triggers must not stop the others. */
const refreshApart = async (deps: Deps, tokens: StoredTokens, lease: RefreshLease): Promise<RefreshOutcome> => {
  try {
    return await refreshUnderLease(deps, tokens, lease, { share: 'cron' });
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown';
    await logAbout(deps, tokens, { level: 'error', event: 'bug', reason });
    return { kind: 'superseded' };
  }
};

const releaseLeases = async (deps: Deps, lease: RefreshLease, tokens: readonly StoredTokens[], pauseMs: number) => {
  if (tokens.length === 0) return;
  const ids = tokens.map(({ connectionId }) => connectionId);
  await returnLeases(deps.db, lease, ids, deps.now() + pauseMs);
};

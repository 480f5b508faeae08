import type { StoredTokens } from '../domain/connection.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import { recordRefreshFailure, type RefreshLease, returnLeases, takeDueLeases } from '../store/tokens.ts';
import { condemn, newRefreshLease, refreshUnderLease } from './access-token.ts';
import type { Deps } from './deps.ts';

/** No further refresh is begun this long after the leases were taken: the last one's time-out still fits the lease. */
const TICK_DEADLINE_MS = 45 * SECOND_MS;
/** A disabled app's connections are left alone and looked at again after this. */
const DISABLED_APP_PAUSE_MS = DAY_MS;
/** This many rejections without a single success look like our own client secret, not like that many people leaving at once. */
const SUSPICIOUS_REJECTIONS = 2;

/**
 * Refreshes the connections that have been due longest: a bounded batch, each apart from the others' failures. Withings being down or
 * asking to wait ends the batch for all of them.
 *
 * Rejections of several connections with no success among them are suspected to be ours: nothing is condemned, the operator is told.
 */
export const refreshDue = async (deps: Deps): Promise<void> => {
  const startedAt = deps.now();
  const lease = newRefreshLease(deps);
  const taken = await takeDueLeases(deps.db, lease, deps.settings.refreshBatch, startedAt);
  if (!taken.ok) return deps.log({ level: 'error', event: 'tick', outcome: 'failed', reason: taken.failure.kind });

  const disabled = taken.value.filter(({ appDisabled }) => appDisabled);
  await giveBack(deps, lease, disabled, startedAt + DISABLED_APP_PAUSE_MS);

  const waiting = taken.value.filter(({ appDisabled }) => !appDisabled);
  const rejected: StoredTokens[] = [];
  let refreshed = 0;
  while (waiting.length > 0 && deps.now() - startedAt < TICK_DEADLINE_MS) {
    const [tokens] = waiting.splice(0, 1);
    if (tokens === undefined) break;
    const outcome = await refreshUnderLease(deps, tokens, lease, { share: 'cron' });
    if (outcome.kind === 'refreshed') refreshed += 1;
    if (outcome.kind === 'rejected') rejected.push(tokens);
    // Withings is down, or wants a pause: the whole batch backs off, nothing more is sent.
    if (outcome.kind === 'failed' && outcome.upstreamIsDown) break;
    if (rejected.length >= SUSPICIOUS_REJECTIONS && refreshed === 0) break;
  }
  await giveBack(deps, lease, waiting, deps.now() + MINUTE_MS);
  await judgeRejections(deps, lease, rejected, refreshed);
  deps.log({ level: 'info', event: 'tick', outcome: 'refreshed', count: refreshed });
};

const giveBack = async (deps: Deps, lease: RefreshLease, tokens: readonly StoredTokens[], nextRefreshAt: number) => {
  if (tokens.length === 0) return;
  const ids = tokens.map(({ connectionId }) => connectionId);
  await returnLeases(deps.db, lease.id, ids, nextRefreshAt);
};

const judgeRejections = async (
  deps: Deps,
  lease: RefreshLease,
  rejected: readonly StoredTokens[],
  refreshed: number,
): Promise<void> => {
  const suspicious = rejected.length >= SUSPICIOUS_REJECTIONS && refreshed === 0;
  if (suspicious) deps.log({ level: 'error', event: 'alarm', outcome: 'mass_rejection', count: rejected.length });
  for (const tokens of rejected) {
    if (!suspicious) await condemn(deps, tokens, 'refresh_token_rejected');
    else await recordSuspicion(deps, lease, tokens);
  }
};

const recordSuspicion = (deps: Deps, lease: RefreshLease, { connectionId, tokenVersion }: StoredTokens) => {
  const now = deps.now();
  const failure = { kind: 'rejection_suspected', nextRefreshAt: now + 10 * MINUTE_MS };
  return recordRefreshFailure(deps.db, { connectionId, tokenVersion, leaseId: lease.id }, failure, now);
};

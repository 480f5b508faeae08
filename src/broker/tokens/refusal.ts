import type { ConnectionId } from '../../domain/connection-id.ts';
import { isRefusalBelieved } from '../../domain/refresh.ts';
import { servedOthersSince } from '../../store/tokens/refusals.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { Deps } from '../deps.ts';

/**
 * Whether Withings gave a definite refusal, in any words and with any status, other than the one that is known to be
 * final. A time-out and a request to wait are not refusals.
 */
export const isRefusal = (failure: WithingsFailure): boolean => {
  if (failure.kind === 'upstream_error') return failure.status !== WITHINGS_TIMED_OUT;
  if (failure.kind === 'http_error') return failure.httpStatus === 400;
  return failure.kind === 'unauthorized' || failure.kind === 'invalid_params' || failure.kind === 'insufficient_scope';
};

const WITHINGS_TIMED_OUT = 522;

/** Refusals without a success in between. */
export type Refusals = { connectionId: ConnectionId; since: number | undefined; attempts: number };

/** Whether one more refusal is believed: see `isRefusalBelieved`. Queries the database only if that depends on it. */
export const believes = async (deps: Deps, { connectionId, since, attempts }: Refusals): Promise<boolean> => {
  const now = deps.now();
  if (since === undefined || !isRefusalBelieved({ since, attempts, othersServed: true }, now)) return false;
  const others = await servedOthersSince(deps.db, since, connectionId);
  return isRefusalBelieved({ since, attempts, othersServed: others.ok && others.value }, now);
};

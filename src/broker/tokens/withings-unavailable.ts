import type { Failure } from '../../domain/failure.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';

export const withingsUnavailable = (failure: WithingsFailure): Failure => ({
  kind: 'withings_unavailable',
  cause: failure.kind,
  retryAfterSeconds: Math.max(waitAsked(failure), SHORTEST_WAIT_SECONDS),
});

const SHORTEST_WAIT_SECONDS = 10;

/** The pause that Withings asked for. */
export const waitAsked = (failure: WithingsFailure): number =>
  failure.kind === 'throttled' ? failure.retryAfterSeconds : 0;

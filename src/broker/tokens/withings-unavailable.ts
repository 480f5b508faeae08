import type { Failure } from '../../domain/failure.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';

/** What a caller is told when Withings did not do what was asked. */
export const withingsUnavailable = (failure: WithingsFailure): Failure => ({
  kind: 'withings_unavailable',
  cause: failure.kind,
  retryAfterSeconds: Math.max(waitAsked(failure), SHORTEST_WAIT_SECONDS),
});

const SHORTEST_WAIT_SECONDS = 10;

/** The pause that Withings itself asked for. */
export const waitAsked = (failure: WithingsFailure): number =>
  failure.kind === 'throttled' ? failure.retryAfterSeconds : 0;

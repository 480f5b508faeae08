import { type EpochMs, MINUTE_MS } from './time.ts';

/** Less than this is the time that an answer travels, or a drift that nothing depends on. */
const TOLERANCE_MS = MINUTE_MS;

/** A clock that can be set right. */
export type Clock = {
  now: () => EpochMs;
  /**
   * Sets it by another clock that is trusted more, if it differs by more than a minute.
   *
   * @returns by how much it was ahead; 0 if it was right
   */
  correct: (trueNow: EpochMs) => number;
};

/**
 * The clock of an invocation. A machine whose clock is hours ahead would take leases that outlive a refresh token, sweep what is still
 * needed and date what everybody else goes by: so whatever acts on time sets it by the database's clock first.
 */
export const createClock = (own: () => EpochMs): Clock => {
  let aheadMs = 0;
  const now = () => own() - aheadMs;
  return {
    now,
    correct: (trueNow) => {
      const difference = now() - trueNow;
      if (Math.abs(difference) < TOLERANCE_MS) return 0;
      aheadMs += difference;
      return difference;
    },
  };
};

import { type EpochMs, MINUTE_MS } from './time.ts';

/** Less than this is the time that an answer travels, or a drift that nothing depends on. */
const TOLERANCE_MS = MINUTE_MS;

/** A clock that can be set right. */
export type Clock = {
  now: () => EpochMs;
  /**
   * Sets it by another clock that is trusted more, if they differ by more than a minute. The other one was read at some moment between the
   * question and now: an answer that took long says nothing about a clock.
   *
   * @param askedAt when it was asked, by this clock
   * @returns by how much this one was ahead; 0 if it was right
   */
  correct: (trueNow: EpochMs, askedAt: EpochMs) => number;
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
    correct: (trueNow, askedAt) => {
      const differenceMs = Math.max(askedAt - trueNow, 0) || Math.min(now() - trueNow, 0);
      if (Math.abs(differenceMs) < TOLERANCE_MS) return 0;
      aheadMs += differenceMs;
      return differenceMs;
    },
  };
};

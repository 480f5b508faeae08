import { type EpochMs, MINUTE_MS } from './time.ts';

/** Less than this is the time that an answer travels, or a drift that nothing depends on. */
const TOLERANCE_MS = MINUTE_MS;

/** A clock that can be set right. */
export type Clock = {
  now: () => EpochMs;
  /**
   * Sets this clock by another clock that is trusted more, if they differ by more than a minute. The other clock was
   * read between the question and now, so a slow answer is ignored.
   *
   * @param askedAt the time of the question, by this clock
   * @returns by how much this clock was ahead; 0 if it was right
   */
  correct: (trueNow: EpochMs, askedAt: EpochMs) => number;
};

/**
 * The clock of an invocation. A machine whose clock is hours ahead would take leases that outlive a refresh token,
 * delete what is still needed, and write wrong dates. So everything that depends on time first sets this clock by the
 * database's.
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

/**
 * How long ago `since` was, in ms. Never negative: a clock may be corrected in between, or `since` be of another
 * isolate's clock.
 */
export const elapsedMs = (now: EpochMs, since: EpochMs): number => Math.max(0, now - since);

/**
 * Rows read, as test/broker/rows-read.test.ts measures them and test/capacity.test.ts computes with them: of a refresh
 * by the cron with its part of a full tick, of a page of 100 values of one metric, and of a tick that looks at a
 * subscription.
 */
export const REFRESH_READS = 24;
export const PAGE_READS = 117;
export const SUBSCRIPTION_READS = 25;

/**
 * Of a sync that brings a weigh-in, of one that finds nothing, and of a tick with a poll that refreshes and reads an
 * older window: for a daily weigh-in.
 */
export const SYNC_READS = {
  body_plus: { weighIn: 105, nothing: 88, poll: 144 },
  body_scan: { weighIn: 348, nothing: 299, poll: 373 },
};

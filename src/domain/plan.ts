import type { Rows } from './rows-used.ts';

/**
 * What one invocation does on each of Cloudflare's plans. The free plan allows it 50 D1 calls, 50 fetches and 10 ms of
 * CPU; the paid one 1,000, 10,000 and 30 s. At most six fetches of an invocation run at once, on both.
 */
export type Plan = 'free' | 'paid';

export type PlanLimits = {
  /** D1 calls of one tick. A D1 call comes before every fetch, so this bounds both. */
  callsPerTick: number;
  /** Refreshes of one tick, and how many of them run at once. */
  refreshBatch: number;
  refreshesAtOnce: number;
  /** Connections that one tick asks Withings about because nothing else has synced them for a day. */
  pollsPerTick: number;
  /** Pages of Withings' answer that one sync stores before it answers 202. */
  pagesPerSlice: number;
  /** Groups of such a page: a larger one is stored in parts. Once a sync has half as many, it stores no other page. */
  groupsPerPage: number;
  /** Values that one summary reads. */
  summarizedValues: number;
  /** Groups of earlier releases that one tick goes through: as many rows written at most. */
  compactedGroups: number;
  /** The largest size of the database. */
  databaseMaxMb: number;
  /**
   * Rows that D1 reads and writes a day: a limit of the free plan, a thirtieth of the month that the paid one includes.
   */
  rowsADay: Rows;
};

export const PLANS: Record<Plan, PlanLimits> = {
  free: {
    callsPerTick: 45,
    refreshBatch: 8,
    refreshesAtOnce: 1,
    pollsPerTick: 1,
    pagesPerSlice: 4,
    groupsPerPage: 300,
    summarizedValues: 20_000,
    compactedGroups: 20,
    databaseMaxMb: 500,
    rowsADay: { read: 5_000_000, written: 100_000 },
  },
  paid: {
    callsPerTick: 900,
    refreshBatch: 300,
    refreshesAtOnce: 6,
    pollsPerTick: 10,
    pagesPerSlice: 10,
    groupsPerPage: 20_000,
    summarizedValues: 100_000,
    compactedGroups: 500,
    databaseMaxMb: 10_000,
    rowsADay: { read: 833_333_333, written: 1_666_666 },
  },
};

/** More refreshes than a tick of the plan has calls for. */
export const MOST_REFRESHES: Record<Plan, number> = { free: 13, paid: 400 };

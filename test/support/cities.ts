import type { Stage, TripTo } from './trips.ts';

/** How long a request takes from a city, as arithmetic: published round trips, and the stages that a test counts. */

/**
 * Round trips in milliseconds between a city and Western Europe. Sydney, Tokyo and New York: measured against D1 from a
 * primary in Europe (from Virginia for New York), published with release v0.16.4 of `gateweavehq/agents` on GitHub,
 * which has 19 for Frankfurt, taken here for London. São Paulo and San Francisco: the published matrix of round trips
 * between AWS regions.
 */
export const ROUND_TRIP_MS = {
  Sydney: 290,
  Tokyo: 240,
  'São Paulo': 195,
  'San Francisco': 155,
  'New York': 109,
  London: 19,
} as const;
/**
 * Round trips between a city and the nearest region of D1's replicas
 * (https://developers.cloudflare.com/d1/best-practices/read-replication/); assumed. D1 has none in South America: from
 * São Paulo it is Eastern North America, by the published matrix of AWS regions.
 */
export const REPLICA_ROUND_TRIP_MS: Record<City, number> = {
  Sydney: 15,
  Tokyo: 20,
  'São Paulo': 120,
  'San Francisco': 15,
  'New York': 15,
  London: 15,
};

export type City = keyof typeof ROUND_TRIP_MS;

/**
 * What a trip takes from a Worker beside its database in Western Europe, in milliseconds; assumed. D1 answers a write
 * in 8 and a read in less. KV is read from its central store. Withings is in the EU.
 */
const TRIP_MS: Record<TripTo, number> = { d1: 8, kv: 40, withings: 120 };

/** How long a request waits: the way from the city to the Worker, and the longest trip of each stage. */
export const latencyMs = (city: City, stages: readonly Stage[], longestKvMs = Infinity): number =>
  ROUND_TRIP_MS[city] + waitMs(stages, { ...TRIP_MS, kv: Math.min(TRIP_MS.kv, longestKvMs) });

/** The same at a front in that city, which asks a replica. KV's central store is as far as the database. */
export const latencyAtFrontMs = (city: City, stages: readonly Stage[], longestKvMs: number): number =>
  waitMs(stages, {
    d1: TRIP_MS.d1 + REPLICA_ROUND_TRIP_MS[city],
    kv: Math.min(TRIP_MS.kv + ROUND_TRIP_MS[city], longestKvMs),
    withings: TRIP_MS.withings + ROUND_TRIP_MS[city],
  });

const waitMs = (stages: readonly Stage[], tripMs: Record<TripTo, number>): number =>
  stages.reduce((sum, stage) => sum + Math.max(...[...stage].map((to) => tripMs[to])), 0);

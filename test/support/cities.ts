import type { Stage, TripTo } from './trips.ts';

/** How long a request takes from a city, as arithmetic: published round trips, and the stages that a test counts. */

/**
 * Round trips in milliseconds between a city and Western Europe. Sydney, Tokyo and New York: measured against D1 from a primary in Europe (from
 * Virginia for New York), published with release v0.16.4 of `gateweavehq/agents` on GitHub, which has 19 for Frankfurt, taken here for London.
 * São Paulo and San Francisco: the published matrix of round trips between AWS regions.
 */
export const ROUND_TRIP_MS = {
  Sydney: 290,
  Tokyo: 240,
  'São Paulo': 195,
  'San Francisco': 155,
  'New York': 109,
  London: 19,
} as const;
export type City = keyof typeof ROUND_TRIP_MS;

/**
 * What a trip takes from a Worker beside its database in Western Europe, in milliseconds; assumed. D1 answers a write in 8 and a read in less. KV is
 * read from its central store. Withings is in the EU.
 */
const TRIP_MS: Record<TripTo, number> = { d1: 8, kv: 40, withings: 120 };

/** How long a request waits: the way from the city to the Worker, and the longest trip of each stage. */
export const latencyMs = (city: City, stages: readonly Stage[], longestKvMs = Infinity): number => {
  const tripMs = (to: TripTo): number => (to === 'kv' ? Math.min(TRIP_MS.kv, longestKvMs) : TRIP_MS[to]);
  const stageMs = stages.map((stage) => Math.max(...[...stage].map(tripMs)));
  return stageMs.reduce((sum, ms) => sum + ms, ROUND_TRIP_MS[city]);
};

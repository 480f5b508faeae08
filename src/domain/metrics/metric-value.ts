import type { EpochSeconds } from '../time.ts';
import type { Attribution } from './measurement.ts';
import type { Metric } from './metric.ts';

/** One value of a metric, with where it came from. */
export type MetricValue = {
  /** The metric's name; `withings_<type>` where the catalogue has none. */
  name: string;
  metric: Metric | undefined;
  /** In the metric's own unit. */
  value: number;
  measuredAtSeconds: EpochSeconds;
  /** The IANA zone in which it was measured. */
  timeZone: string;
  /** Withings' `grpid`. */
  groupId: number;
  /** `WHOLE_BODY`, or Withings' number of the segment. */
  position: number;
  /** What a derived value was computed from, and which groups those values came with; empty for a measured one. */
  derivedFrom: { name: string; groupId: number }[];
  device: string | null;
  /** Tells devices apart without naming them: a hash. */
  deviceHash: string | null;
  attribution: Attribution;
  /** Withings' code of the attribution. */
  attrib: number;
};

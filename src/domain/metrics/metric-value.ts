import type { EpochSeconds } from '../time.ts';
import type { Attribution } from './measurement.ts';
import type { Metric } from './metric.ts';

/** One value of a metric, with its source. */
export type MetricValue = {
  /** The metric's name; `withings_<type>` if the catalog has none. */
  name: string;
  metric: Metric | undefined;
  /** In the metric's own unit. */
  value: number;
  measuredAtSeconds: EpochSeconds;
  /** The IANA time zone of the measurement. */
  timeZone: string;
  /** Withings' `grpid`. */
  groupId: number;
  /** `WHOLE_BODY`, or Withings' number of the segment. */
  position: number;
  /** The values that a derived value was computed from, with their groups; empty for a measured one. */
  derivedFrom: { name: string; groupId: number }[];
  device: string | null;
  /** A hash that distinguishes devices. */
  deviceHash: string | null;
  attribution: Attribution;
  /** Withings' code of the attribution. */
  attrib: number;
};

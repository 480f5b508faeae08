import { WHOLE_BODY } from './measurement.ts';
import { type Metric, metricByName, METRICS, unknownMetricType } from './metric.ts';
import { fail, ok, type Result } from './result.ts';
import type { EpochSeconds } from './time.ts';

/** What is read: which metrics, when, in which order, how many and from where. */
export type MetricQuery = {
  /** Distinct, in the catalogue's order. */
  metrics: readonly QueriedMetric[];
  fromSeconds: EpochSeconds;
  toSeconds: EpochSeconds;
  order: 'asc' | 'desc';
  limit: number;
  /** Where the page before ended. */
  after: MetricPlace | undefined;
};

/** A metric to read, and the stored measure type that its values are read from. */
export type QueriedMetric = { name: string; unit: string; derived: boolean; type: number; position: number };

/** Where a page ended: after this metric of this group. */
export type MetricPlace = { measuredAtSeconds: EpochSeconds; groupId: number; metric: string };

const WEIGHT_TYPE = 1;

const queried = (metric: Metric): QueriedMetric => ({
  name: metric.name,
  unit: metric.unit,
  derived: metric.derived,
  // BMI is read along the weights it is computed from.
  type: metric.withingsType ?? WEIGHT_TYPE,
  position: WHOLE_BODY,
});

/** Every metric of the whole body. Segments are asked for by their names. */
const WHOLE_BODY_METRICS = METRICS.filter(({ segment }) => !segment).map(queried);

/**
 * The metrics that a list of names means; every metric of the whole body where there is no list. `withings_<type>` names a measure type
 * that the catalogue does not have.
 */
export const metricsByNames = (names: readonly string[] | undefined): Result<QueriedMetric[], { unknown: string }> => {
  if (names === undefined) return ok(WHOLE_BODY_METRICS);
  const metrics = new Map<string, QueriedMetric>();
  for (const name of names) {
    const metric = metricByName(name);
    const type = unknownMetricType(name);
    if (metric !== undefined) metrics.set(name, queried(metric));
    else if (type !== undefined) metrics.set(name, { name, unit: '', derived: false, type, position: WHOLE_BODY });
    else return fail({ unknown: name });
  }
  return ok([...metrics.values()]);
};

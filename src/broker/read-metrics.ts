import { bmiAt } from '../domain/bmi.ts';
import type { Failure } from '../domain/failure.ts';
import { toRfc3339 } from '../domain/local-time.ts';
import { attributionOf, WHOLE_BODY } from '../domain/measurement.ts';
import type { MetricPlace, MetricQuery, QueriedMetric } from '../domain/metric-query.ts';
import { metricByType, unknownMetricName } from '../domain/metric.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Source } from '../store/measurements.ts';
import { type LatestPage, readLatest, readSeries, type SeriesPage, type SeriesValue } from '../store/series.ts';
import type { Deps } from './deps.ts';

/** One value as the API gives it. */
export type MetricValue = {
  metric: string;
  value: number;
  unit: string;
  /** RFC 3339, with the user's offset at that moment. */
  measuredAt: string;
  groupId: number;
  derived: boolean;
  /** What a derived value was computed from. */
  derivedFrom: string[] | undefined;
  source: { device: string | null; attribution: string };
};

/** One page of values, and where the next one begins. */
export type MetricPage = { values: MetricValue[]; next: MetricPlace | undefined };

/**
 * A page of a connection's body data. A page follows the place where the one before ended, not a count, so it neither skips nor repeats
 * when data arrives in between.
 */
export const readMetrics = async (
  deps: Deps,
  connectionId: number,
  query: MetricQuery,
): Promise<Result<MetricPage, Failure>> => {
  const { metrics, after } = query;
  const read = await readSeries(deps.db, {
    ...query,
    connectionId,
    limit: query.limit + 1,
    series: metrics.map(({ type, position }, rank) => ({ rank, type, position, ambiguous: false })),
    after: after && { ...after, rank: metrics.findIndex(({ name }) => name === after.metric) },
  });
  if (!read.ok) return read;
  const page = read.value.values.slice(0, query.limit);
  const values = page.flatMap((value) => metricValue(read.value, metrics[value.rank], value) ?? []);
  const last = page.at(-1);
  const hasMore = read.value.values.length > query.limit;
  return ok({
    values,
    next: hasMore && last ? { ...last, metric: metrics[last.rank]?.name ?? '' } : undefined,
  });
};

/** The newest value of every metric that a connection has, by name. */
export const readLatestMetrics = async (
  deps: Deps,
  connectionId: number,
): Promise<Result<Record<string, MetricValue>, Failure>> => {
  const read = await readLatest(deps.db, connectionId);
  if (!read.ok) return read;
  const values = read.value.values.flatMap((value) => {
    const stored = metricValue(read.value, metricOfType(value.type), value);
    const bmi = value.type === BMI.type ? metricValue(read.value, BMI, value) : undefined;
    return [stored, bmi].filter((one) => one !== undefined);
  });
  return ok(Object.fromEntries(values.map((value) => [value.metric, value])));
};

/** What stands for a source that was not found, beyond the bound on how many are read. */
const UNKNOWN_SOURCE: Source = {
  id: 0,
  attrib: -1,
  deviceId: null,
  model: null,
  modelId: null,
  timeZone: 'UTC',
};

const BMI: QueriedMetric = { name: 'bmi', unit: 'kg/m²', derived: true, type: 1, position: WHOLE_BODY };

const metricOfType = (type: number): QueriedMetric => {
  const metric = metricByType(type);
  return {
    name: metric?.name ?? unknownMetricName(type),
    unit: metric?.unit ?? '',
    derived: false,
    type,
    position: WHOLE_BODY,
  };
};

/** A stored value as the API gives it; undefined for a BMI without a height. */
const metricValue = (
  { sources, heights }: Pick<SeriesPage | LatestPage, 'sources' | 'heights'>,
  metric: QueriedMetric | undefined,
  stored: SeriesValue,
): MetricValue | undefined => {
  if (metric === undefined) return undefined;
  const value = metric.derived ? bmiAt(stored.value, stored.measuredAtSeconds, heights) : stored.value;
  if (value === undefined) return undefined;
  const source = sources.get(stored.sourceId) ?? UNKNOWN_SOURCE;
  return {
    metric: metric.name,
    value,
    unit: metric.unit,
    measuredAt: toRfc3339(stored.measuredAtSeconds, source.timeZone),
    groupId: stored.groupId,
    derived: metric.derived,
    derivedFrom: metric.derived ? ['weight', 'height'] : undefined,
    source: { device: source.model, attribution: attributionOf(source.attrib) },
  };
};

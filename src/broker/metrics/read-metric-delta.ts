import type { Failure } from '../../domain/failure.ts';
import type { MetricQuery } from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import { ok, type Result } from '../../domain/result.ts';
import { readEnds, type SeriesValue } from '../../store/metrics/series.ts';
import type { Deps } from '../deps.ts';
import { metricValue } from './metric-value.ts';
import { seriesToRead } from './read-metrics.ts';

/** A metric's first and last value in a range. They may be the same one. */
export type MetricChange = { first: MetricValue; last: MetricValue };

/** How far each selected metric went over a range: two rows read a metric, however many values lie between. */
export const readMetricChanges = async (
  deps: Deps,
  connectionId: number,
  { selection, fromSeconds, toSeconds }: Pick<MetricQuery, 'selection' | 'fromSeconds' | 'toSeconds'>,
): Promise<Result<MetricChange[], Failure>> => {
  const series = await seriesToRead(deps, connectionId, selection);
  if (!series.ok) return series;
  const { manual } = selection;
  const read = await readEnds(deps.db, { connectionId, series: series.value, fromSeconds, toSeconds, manual });
  if (!read.ok) return read;
  return ok(
    series.value.flatMap((one) => {
      const ends = read.value.values.filter(({ rank }) => rank === one.rank).sort(byTime);
      const [first, last] = [ends.at(0), ends.at(-1)].map((end) => end && metricValue(read.value, one, end));
      return first === undefined || last === undefined ? [] : [{ first, last }];
    }),
  );
};

const byTime = (a: SeriesValue, b: SeriesValue): number =>
  a.measuredAtSeconds - b.measuredAtSeconds || a.groupId - b.groupId;

import type { Failure } from '../../domain/failure.ts';
import {
  type MetricPlace,
  type MetricQuery,
  type MetricSelection,
  type MetricSeries,
  namedSeries,
  selectedSeries,
} from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import { ok, type Result } from '../../domain/result.ts';
import { readLatest } from '../../store/metrics/latest.ts';
import { readSeries, storedSeries } from '../../store/metrics/series.ts';
import type { Deps } from '../deps.ts';
import { metricValue } from './metric-value.ts';

/** One page of values, and where the next one begins. */
export type MetricPage = { values: MetricValue[]; next: MetricPlace | undefined };

/**
 * A page of a connection's body data. A page follows the place where the one before ended, not a count, so it neither skips nor repeats
 * when data arrives in between.
 */
export const readMetrics = async (
  deps: Deps,
  connectionId: number,
  { selection, ...query }: MetricQuery,
): Promise<Result<MetricPage, Failure>> => {
  const series = await seriesToRead(deps, connectionId, selection);
  if (!series.ok) return series;
  const { manual } = selection;
  const read = await readSeries(deps.db, {
    ...query,
    connectionId,
    manual,
    series: series.value,
    limit: query.limit + 1,
  });
  if (!read.ok) return read;
  const byRank = new Map(series.value.map((one) => [one.rank, one]));
  const page = read.value.values.slice(0, query.limit);
  const values = page.flatMap((value) => metricValue(read.value, byRank.get(value.rank), value) ?? []);
  const hasMore = read.value.values.length > query.limit;
  return ok({ values, next: hasMore ? page.at(-1) : undefined });
};

/** What a selection means for one connection: known from the names where it can be, else found among what is stored. */
export const seriesToRead = async (
  deps: Deps,
  connectionId: number,
  selection: MetricSelection,
): Promise<Result<MetricSeries[], Failure>> => {
  const named = namedSeries(selection);
  if (named !== undefined) return ok(named);
  const stored = await storedSeries(deps.db, connectionId);
  return stored.ok ? ok(selectedSeries(selection, stored.value)) : stored;
};

/** The newest value of every selected metric of the whole body that a connection has, in the catalogue's order. */
export const readLatestMetrics = async (
  deps: Deps,
  connectionId: number,
  selection: MetricSelection,
): Promise<Result<MetricValue[], Failure>> => {
  const read = await readLatest(deps.db, connectionId);
  if (!read.ok) return read;
  const wholeBody = { ...selection, segments: false, ambiguous: false };
  return ok(
    read.value.values
      .flatMap((stored) => selectedSeries(wholeBody, [stored]).map((series) => ({ stored, series })))
      .sort((a, b) => a.series.rank - b.series.rank)
      .flatMap(({ stored, series }) => metricValue(read.value, series, stored) ?? []),
  );
};

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import {
  likelySeries,
  type MetricPlace,
  type MetricQuery,
  type MetricSelection,
  type MetricSeries,
  namedSeries,
  selectedSeries,
} from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import { inRange, type TimeRange, undecidedSpans } from '../../domain/metrics/time-range.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type EpochSeconds, toSeconds } from '../../domain/time.ts';
import type { Db } from '../../store/d1.ts';
import { latestRead } from '../../store/metrics/latest.ts';
import { type Owner, ownerOf, type Read, run } from '../../store/metrics/read.ts';
import { type SeriesPage, seriesRead, type SeriesValue } from '../../store/metrics/series.ts';
import { storedSeries, storedSeriesRead } from '../../store/metrics/stored-series.ts';
import type { Deps } from '../deps.ts';
import { metricValue } from './metric-value.ts';

/** A page of values, and where the next one starts. */
export type MetricPage = { values: MetricValue[]; next: MetricPlace | undefined };

/**
 * A page of a connection's body data. It starts after the last value of the page before, not at a count. So pages
 * neither skip nor repeat values when data arrives in between.
 */
export const readMetrics = async (
  deps: Deps,
  connectionId: ConnectionId,
  query: MetricQuery,
): Promise<Result<MetricPage, Failure>> => {
  const series = await seriesToRead(deps, connectionId, query.selection);
  return series.ok ? run(deps.db, pageRead(deps.db, ownerOf(connectionId), query, series.value)) : series;
};

/**
 * As `readMetrics`, to be read together with the admission. If the selection means what is stored, it is read of all
 * series that are likely; undefined if the user has another one.
 */
export const metricsReader =
  (deps: Deps, query: MetricQuery) =>
  (owner: Owner): Read<MetricPage | undefined> => {
    const { selection } = query;
    const likely = likelySeries(selection);
    const page = pageRead(deps.db, owner, query, likely);
    if (namedSeries(selection) !== undefined) return page;
    const stored = storedSeriesRead(deps.db, owner);
    return {
      statements: [...stored.statements, ...page.statements],
      of: (results) => {
        const ranks = new Set(likely.map(({ rank }) => rank));
        const isComplete = selectedSeries(selection, stored.of(results)).every(({ rank }) => ranks.has(rank));
        return isComplete ? page.of(results.slice(1)) : undefined;
      },
    };
  };

const pageRead = (
  db: Db,
  owner: Owner,
  { selection, ...query }: MetricQuery,
  series: readonly MetricSeries[],
): Read<MetricPage> => {
  const { manual } = selection;
  const undecided = undecidedSpans(query);
  const { statements, of } = seriesRead(db, {
    ...query,
    owner,
    manual,
    filledIn: true,
    undecided,
    series,
    limit: query.limit + 1,
  });
  return {
    statements,
    of: (results) => {
      const found = valuesInRange(of(results), series, query, query.limit + 1);
      const page = found.slice(0, query.limit);
      const last = page.at(-1);
      const hasMore = found.length > query.limit;
      return { values: page.map(({ value }) => value), next: hasMore ? last?.stored : undefined };
    },
  };
};

/** Values of a page that are in the range, with their stored position, up to a limit. */
export const valuesInRange = (
  page: SeriesPage,
  series: readonly MetricSeries[],
  range: TimeRange,
  most = Infinity,
): { stored: SeriesValue; value: MetricValue }[] => {
  const byRank = new Map(series.map((one) => [one.rank, one]));
  const isInRange = inRange(range);
  const found: { stored: SeriesValue; value: MetricValue }[] = [];
  for (const stored of page.values) {
    if (found.length >= most) break;
    const value = metricValue(page, byRank.get(stored.rank), stored);
    if (value !== undefined && isInRange(stored.measuredAtSeconds, value.timeZone)) found.push({ stored, value });
  }
  return found;
};

/** The series of a selection: from the names if possible, otherwise from what is stored. */
export const seriesToRead = async (
  deps: Deps,
  connectionId: ConnectionId,
  selection: MetricSelection,
): Promise<Result<MetricSeries[], Failure>> => {
  const named = namedSeries(selection);
  if (named !== undefined) return ok(named);
  const stored = await storedSeries(deps.db, connectionId);
  return stored.ok ? ok(selectedSeries(selection, stored.value)) : stored;
};

/** The newest values, and until when they stay the newest. */
export type LatestMetrics = { values: MetricValue[]; untilSeconds: EpochSeconds | undefined };

/** The newest value, measured by now, of every selected metric of the whole body, in the order of the catalog. */
export const readLatestMetrics = (
  deps: Deps,
  connectionId: ConnectionId,
  selection: MetricSelection,
): Promise<Result<LatestMetrics, Failure>> => run(deps.db, latestMetricsReader(deps, selection)(ownerOf(connectionId)));

/** As `readLatestMetrics`, to be read together with the admission. */
export const latestMetricsReader =
  (deps: Deps, selection: MetricSelection) =>
  (owner: Owner): Read<LatestMetrics> => {
    const latest = latestRead(deps.db, owner, toSeconds(deps.now()));
    const wholeBody = { ...selection, segments: false, ambiguous: false };
    return {
      statements: latest.statements,
      of: (results) => {
        const page = latest.of(results);
        const values = page.values
          .flatMap((stored) => selectedSeries(wholeBody, [stored]).map((series) => ({ stored, series })))
          .sort((a, b) => a.series.rank - b.series.rank)
          .flatMap(({ stored, series }) => metricValue(page, series, stored) ?? []);
        return { values, untilSeconds: page.untilSeconds };
      },
    };
  };

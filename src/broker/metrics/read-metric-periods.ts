import type { Failure } from '../../domain/failure.ts';
import { localDay } from '../../domain/metrics/local-time.ts';
import {
  carryForward,
  type DatedValue,
  type PeriodLength,
  type PeriodSummary,
  summarise,
} from '../../domain/metrics/metric-period.ts';
import type { MetricQuery, MetricSeries } from '../../domain/metrics/metric-query.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { readSeries } from '../../store/metrics/series.ts';
import type { Deps } from '../deps.ts';
import { metricValue } from './metric-value.ts';
import { seriesToRead } from './read-metrics.ts';

/** Ten years of five metrics a day; more values than this are not read for one answer. */
const MAX_SUMMARISED_VALUES = 20_000;

export type PeriodQuery = Pick<MetricQuery, 'selection' | 'fromSeconds' | 'toSeconds' | 'order'> & {
  length: PeriodLength;
  /** Where periods without values repeat the value before: the last day to fill. Undefined: gaps stay gaps. */
  carryForwardUntil: string | undefined;
};

/** The summary of one metric over one period. */
export type MetricPeriod = PeriodSummary & { series: MetricSeries };

/**
 * A connection's body data summarised by local days, weeks or months. Reads every value in the range once, and refuses ranges that hold too
 * many.
 */
export const readMetricPeriods = async (
  deps: Deps,
  connectionId: number,
  query: PeriodQuery,
): Promise<Result<MetricPeriod[], Failure>> => {
  const { selection, fromSeconds, toSeconds } = query;
  const series = await seriesToRead(deps, connectionId, selection);
  if (!series.ok) return series;
  const read = await readSeries(deps.db, {
    connectionId,
    series: series.value,
    fromSeconds,
    toSeconds,
    manual: selection.manual,
    order: 'asc',
    limit: MAX_SUMMARISED_VALUES + 1,
  });
  if (!read.ok) return read;
  if (read.value.values.length > MAX_SUMMARISED_VALUES) return tooMany();

  const byRank = new Map(series.value.map((one) => [one.rank, { series: one, values: [] as DatedValue[] }]));
  for (const stored of read.value.values) {
    const one = byRank.get(stored.rank);
    const value = metricValue(read.value, one?.series, stored);
    if (value === undefined) continue;
    const { measuredAtSeconds } = value;
    one?.values.push({ day: localDay(measuredAtSeconds, value.timeZone), measuredAtSeconds, value: value.value });
  }
  const periods: MetricPeriod[] = [];
  for (const { series: one, values } of byRank.values()) {
    const summaries = withGapsFilled(summarise(values, query.length), query, MAX_SUMMARISED_VALUES - periods.length);
    if (summaries === undefined) return tooMany();
    periods.push(...summaries.map((summary) => ({ ...summary, series: one })));
  }
  return ok(inOrder(periods, query.order));
};

const withGapsFilled = (
  summaries: PeriodSummary[],
  { length, carryForwardUntil }: PeriodQuery,
  most: number,
): PeriodSummary[] | undefined =>
  carryForwardUntil === undefined ? summaries : carryForward(summaries, length, carryForwardUntil, most);

const inOrder = (periods: MetricPeriod[], order: 'asc' | 'desc'): MetricPeriod[] => {
  const sign = order === 'asc' ? 1 : -1;
  return periods.sort((a, b) => {
    if (a.firstDay !== b.firstDay) return a.firstDay < b.firstDay ? -sign : sign;
    return a.series.rank - b.series.rank;
  });
};

const tooMany = () =>
  fail({
    kind: 'invalid_parameter',
    parameter: 'from',
    detail: `The range holds more than ${MAX_SUMMARISED_VALUES} values. Shorten it with \`from\` and \`to\`, or name fewer metrics.`,
  } as const);

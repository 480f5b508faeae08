import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { localDay } from '../../domain/metrics/local-time.ts';
import {
  carryForward,
  type DatedValue,
  type Filling,
  isPartial,
  type PeriodLength,
  type PeriodSummary,
  summarise,
} from '../../domain/metrics/metric-period.ts';
import type { MetricQuery, MetricSeries } from '../../domain/metrics/metric-query.ts';
import { inRange, type TimeRange, undecidedSpans, type WholeDays } from '../../domain/metrics/time-range.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { ownerOf, run } from '../../store/metrics/read.ts';
import { type SeriesPage, seriesRead } from '../../store/metrics/series.ts';
import { type AuthorizedRequest, chargeRead } from '../access/authenticate.ts';
import type { Deps } from '../deps.ts';
import { metricValue } from './metric-value.ts';
import { seriesToRead } from './read-metrics.ts';
import { isTooLarge } from './summary-size.ts';

export type PeriodQuery = TimeRange &
  Pick<MetricQuery, 'selection' | 'order'> & {
    length: PeriodLength;
    /** The days that are completely in the range. */
    wholeDays: WholeDays;
    /** The days in which periods without values repeat the last value; undefined if gaps stay. */
    filling: Pick<Filling, 'fromDay' | 'untilDay'> | undefined;
  };

/** The summary of one metric over one period. */
export type MetricPeriod = PeriodSummary & {
  series: MetricSeries;
  /** Whether the period reaches beyond the range. */
  partial: boolean;
};

/**
 * Summaries of a user's body data by local days, weeks or months. Reads every value in the range once. Refuses a range
 * with too many values, in most cases before reading them. What is read counts in the caller's rate limits, refused or
 * not.
 */
export const readMetricPeriods = async (
  deps: Deps,
  caller: Pick<AuthorizedRequest, 'limits'>,
  connectionId: ConnectionId,
  { selection, length, wholeDays, filling, ...query }: PeriodQuery,
): Promise<Result<MetricPeriod[], Failure>> => {
  const series = await seriesToRead(deps, connectionId, selection);
  if (!series.ok) return series;
  const range = {
    ...query,
    owner: ownerOf(connectionId),
    series: series.value,
    manual: selection.manual,
    filledIn: false,
    undecided: undecidedSpans(query),
  };
  const most = deps.settings.summarizedValues;
  const tooLarge = await isTooLarge(deps, range, most);
  if (!tooLarge.ok) return tooLarge;
  if (tooLarge.value) return tooMany(most);
  const read = await run(
    deps.db,
    seriesRead(deps.db, { ...range, before: filling !== undefined, order: 'asc', limit: most + 1 }),
  );
  if (!read.ok) return read;
  await chargeRead(deps, caller, read.value.values.length);
  const dated = datedValues(read.value, series.value, query);
  if (dated.count > most) return tooMany(most);

  const periods: MetricPeriod[] = [];
  for (const { series: one, values, before } of dated.bySeries) {
    const summaries = summarise(values, length);
    const filled =
      filling === undefined
        ? summaries
        : carryForward(summaries, length, { ...filling, before }, most - periods.length);
    if (filled === undefined) return tooManyFilled(most);
    periods.push(...filled.map((summary) => ({ ...summary, series: one, partial: isPartial(summary, wholeDays) })));
  }
  return ok(inOrder(periods, query.order));
};

type DatedSeries = { series: MetricSeries; values: DatedValue[]; before: DatedValue | undefined };

/** The values of each series in the range, with their days, and the last value before it. */
const datedValues = (
  page: SeriesPage,
  series: readonly MetricSeries[],
  range: TimeRange,
): { bySeries: DatedSeries[]; count: number } => {
  const byRank = new Map(
    series.map((one): [number, DatedSeries] => [one.rank, { series: one, values: [], before: undefined }]),
  );
  const isInRange = inRange(range);
  let count = 0;
  for (const stored of page.values) {
    const one = byRank.get(stored.rank);
    const value = metricValue(page, one?.series, stored);
    if (one === undefined || value === undefined) continue;
    const { measuredAtSeconds, timeZone } = value;
    const dated = { day: localDay(measuredAtSeconds, timeZone), measuredAtSeconds, value: value.value };
    if (measuredAtSeconds >= range.fromSeconds && isInRange(measuredAtSeconds, timeZone)) {
      one.values.push(dated);
      count += 1;
    } else if (one.values.length === 0) one.before = dated;
  }
  return { bySeries: [...byRank.values()], count };
};

const inOrder = (periods: MetricPeriod[], order: 'asc' | 'desc'): MetricPeriod[] => {
  const sign = order === 'asc' ? 1 : -1;
  return periods.sort((a, b) => {
    if (a.firstDay !== b.firstDay) return a.firstDay < b.firstDay ? -sign : sign;
    return a.series.rank - b.series.rank;
  });
};

const tooMany = (most: number) =>
  fail({
    kind: 'invalid_parameter',
    parameter: 'from',
    detail: `The range holds more than ${most} values. Shorten it with \`from\` and \`to\`, or name fewer metrics.`,
  } as const);

const tooManyFilled = (most: number) =>
  fail({
    kind: 'invalid_parameter',
    parameter: 'carry_forward',
    detail: `Filling the gaps would make more than ${most} periods. Shorten the range with \`from\` and \`to\`, ask for longer periods, or name fewer metrics.`,
  } as const);

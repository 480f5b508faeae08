import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import {
  carryForward,
  type Filling,
  isPartial,
  type PeriodLength,
  type PeriodSummary,
  summarize,
} from '../../domain/metrics/metric-period.ts';
import type { MetricQuery, MetricSeries } from '../../domain/metrics/metric-query.ts';
import type { TimeRange, WholeDays } from '../../domain/metrics/time-range.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { AuthorizedRequest } from '../access/authenticate.ts';
import type { Deps } from '../deps.ts';
import { readDatedValues } from './read-dated-values.ts';
import { seriesToRead } from './read-metrics.ts';

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
 * Summaries of a user's body data by local days, weeks or months. Reads and refuses as `readDatedValues` does.
 */
export const readMetricPeriods = async (
  deps: Deps,
  caller: Pick<AuthorizedRequest, 'limits'>,
  connectionId: ConnectionId,
  { selection, length, wholeDays, filling, ...query }: PeriodQuery,
): Promise<Result<MetricPeriod[], Failure>> => {
  const series = await seriesToRead(deps, connectionId, selection);
  if (!series.ok) return series;
  const dated = await readDatedValues(deps, caller, connectionId, {
    ...query,
    series: series.value,
    manual: selection.manual,
    before: filling !== undefined,
  });
  if (!dated.ok) return dated;
  const most = deps.settings.summarizedValues;
  const periods: MetricPeriod[] = [];
  for (const { series: one, values, before } of dated.value) {
    const summaries = summarize(values, length);
    const filled =
      filling === undefined
        ? summaries
        : carryForward(summaries, length, { ...filling, before }, most - periods.length);
    if (filled === undefined) return tooManyFilled(most);
    periods.push(...filled.map((summary) => ({ ...summary, series: one, partial: isPartial(summary, wholeDays) })));
  }
  return ok(inOrder(periods, query.order));
};

const inOrder = (periods: MetricPeriod[], order: 'asc' | 'desc'): MetricPeriod[] => {
  const sign = order === 'asc' ? 1 : -1;
  return periods.sort((a, b) => {
    if (a.firstDay !== b.firstDay) return a.firstDay < b.firstDay ? -sign : sign;
    return a.series.rank - b.series.rank;
  });
};

const tooManyFilled = (most: number) =>
  fail({
    kind: 'invalid_parameter',
    parameter: 'carry_forward',
    detail: `Filling the gaps would make more than ${most} periods. Shorten the range with \`from\` and \`to\`, ask for longer periods, or name fewer metrics.`,
  } as const);

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { localDay } from '../../domain/metrics/local-time.ts';
import type { DatedValue } from '../../domain/metrics/metric-period.ts';
import type { MetricSeries } from '../../domain/metrics/metric-query.ts';
import { inRange, type TimeRange, undecidedSpans } from '../../domain/metrics/time-range.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { ownerOf, run } from '../../store/metrics/read.ts';
import { type SeriesPage, seriesRead } from '../../store/metrics/series.ts';
import { type AuthorizedRequest, chargeRead } from '../access/authenticate.ts';
import type { Deps } from '../deps.ts';
import { metricValue } from './metric-value.ts';
import { isTooLarge } from './summary-size.ts';

export type DatedMetricValue = DatedValue & { timeZone: string };

/** The values of a series in a range, oldest first, and the last one before it if it was asked for. */
export type DatedSeries = {
  series: MetricSeries;
  values: DatedMetricValue[];
  before: DatedMetricValue | undefined;
};

export type DatedQuery = TimeRange & {
  series: readonly MetricSeries[];
  /** Whether typed-in values count. */
  manual: boolean;
  /** Whether the last value before the range is read too. */
  before: boolean;
};

/**
 * Every value of some series in a range, each read once. Refuses a range with too many values, in most cases before
 * reading them. What is read counts in the caller's rate limits, refused or not.
 */
export const readDatedValues = async (
  deps: Deps,
  caller: Pick<AuthorizedRequest, 'limits'>,
  connectionId: ConnectionId,
  query: DatedQuery,
): Promise<Result<DatedSeries[], Failure>> => {
  const range = { ...query, owner: ownerOf(connectionId), filledIn: false, undecided: undecidedSpans(query) };
  const most = deps.settings.summarizedValues;
  const tooLarge = await isTooLarge(deps, range, most);
  if (!tooLarge.ok) return tooLarge;
  if (tooLarge.value) return tooMany(most);
  const read = await run(deps.db, seriesRead(deps.db, { ...range, order: 'asc', limit: most + 1 }));
  if (!read.ok) return read;
  await chargeRead(deps, caller, read.value.values.length);
  const { bySeries, count } = datedValues(read.value, query.series, query);
  return count > most ? tooMany(most) : ok(bySeries);
};

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
    const dated = { day: localDay(measuredAtSeconds, timeZone), measuredAtSeconds, timeZone, value: value.value };
    if (measuredAtSeconds >= range.fromSeconds && isInRange(measuredAtSeconds, timeZone)) {
      one.values.push(dated);
      count += 1;
    } else if (one.values.length === 0) one.before = dated;
  }
  return { bySeries: [...byRank.values()], count };
};

const tooMany = (most: number) =>
  fail({
    kind: 'invalid_parameter',
    parameter: 'from',
    detail: `The range holds more than ${most} values. Shorten it with \`from\` and \`to\`, or name fewer metrics.`,
  } as const);

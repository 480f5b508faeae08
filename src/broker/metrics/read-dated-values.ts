import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { localDay } from '../../domain/metrics/local-time.ts';
import type { DatedValue } from '../../domain/metrics/metric-period.ts';
import type { MetricSeries } from '../../domain/metrics/metric-query.ts';
import { inRange, type TimeRange, undecidedSpans } from '../../domain/metrics/time-range.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { ownerOf, run } from '../../store/metrics/read.ts';
import { type SeriesPage, type SeriesQuery, seriesRead, type SeriesValue } from '../../store/metrics/series.ts';
import { type AuthorizedRequest, chargeRead } from '../access/authenticate.ts';
import type { Deps } from '../deps.ts';
import { metricValue } from './metric-value.ts';
import { isTooLarge, mayBeTooLarge } from './summary-size.ts';

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
 * reading more than a fifth of them. What is read counts in the caller's rate limits, refused or not.
 */
export const readDatedValues = async (
  deps: Deps,
  caller: Pick<AuthorizedRequest, 'limits'>,
  connectionId: ConnectionId,
  query: DatedQuery,
): Promise<Result<DatedSeries[], Failure>> => {
  const range = { ...query, owner: ownerOf(connectionId), filledIn: false, undecided: undecidedSpans(query) };
  const most = deps.settings.summarizedValues;
  const read = await readAtMost(deps, caller, { ...range, order: 'asc' }, most);
  if (!read.ok) return read;
  if (read.value === undefined) return tooMany(most);
  const { bySeries, count } = datedValues(read.value, query.series, query);
  return count > most ? tooMany(most) : ok(bySeries);
};

/** So much of what a summary may read is read first, if its days are few enough for all. */
const FIRST_SHARE = 1 / 5;

/** The values of a range, in one round trip if they are few; undefined if there are certainly more than `most`. */
const readAtMost = async (
  deps: Deps,
  caller: Pick<AuthorizedRequest, 'limits'>,
  query: Omit<SeriesQuery, 'limit'>,
  most: number,
): Promise<Result<SeriesPage | undefined, Failure>> => {
  const read = async (part: SeriesQuery): Promise<Result<SeriesPage, Failure>> => {
    const page = await run(deps.db, seriesRead(deps.db, part));
    if (page.ok) await chargeRead(deps, caller, page.value.values.length);
    return page;
  };
  const hasManyDays = mayBeTooLarge(deps, query, most);
  if (hasManyDays) {
    const tooLarge = await isTooLarge(deps, query, most);
    if (!tooLarge.ok) return tooLarge;
    if (tooLarge.value) return ok(undefined);
  }
  const few = Math.floor(most * (hasManyDays ? 1 : FIRST_SHARE));
  const first = await read({ ...query, limit: few + 1 });
  if (!first.ok || hasManyDays) return first;
  const isBefore = ({ measuredAtSeconds }: SeriesValue) => measuredAtSeconds < query.fromSeconds;
  const before = first.value.values.filter(isBefore);
  const values = first.value.values.slice(before.length, before.length + few);
  const last = values.at(-1);
  if (last === undefined || first.value.values.length <= before.length + few) return first;
  // Fewer days than values: the person is measured very often.
  const left = most - few;
  const tooLarge = await isTooLarge(deps, { ...query, fromSeconds: last.measuredAtSeconds }, left);
  if (!tooLarge.ok) return tooLarge;
  if (tooLarge.value) return ok(undefined);
  const rest = await read({ ...query, before: false, after: last, limit: left + 1 });
  return rest.ok ? ok({ ...rest.value, values: [...before, ...values, ...rest.value.values] }) : rest;
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

import type { Deps } from '../../broker/deps.ts';
import { readDatedValues } from '../../broker/metrics/read-dated-values.ts';
import { readLatestMetrics, readMetrics, seriesToRead } from '../../broker/metrics/read-metrics.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { WHOLE_BODY } from '../../domain/metrics/measurement.ts';
import type { PeriodLength } from '../../domain/metrics/metric-period.ts';
import { type MetricSelection, type MetricSeries, selectMetrics } from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import { rangeBetween } from '../../domain/metrics/time-range.ts';
import { ok, type Result } from '../../domain/result.ts';
import { DAY_MS, type EpochSeconds, SECOND_MS, utcDate } from '../../domain/time.ts';
import type { LinePlotProps } from './plot/line-plot.tsx';
import { plotsOf, type RangeRead } from './plot/plots-of.ts';

/** What a user's page shows of their body. */

/** The ranges of the plots, and the period of one value. */
export const RANGES = {
  week: { label: '7 days', days: 7, length: 'day' },
  month: { label: '30 days', days: 30, length: 'day' },
  quarter: { label: '90 days', days: 90, length: 'day' },
  year: { label: '1 year', days: 365, length: 'week' },
  all: { label: 'Everything', days: undefined, length: 'month' },
} as const satisfies Record<string, { label: string; days: number | undefined; length: PeriodLength }>;

export type PlotRange = keyof typeof RANGES;

const isRange = (word: string): word is PlotRange => Object.hasOwn(RANGES, word);

/** The range of a word; a quarter for any other word. */
const rangeOf = (word: string | undefined): PlotRange => (word !== undefined && isRange(word) ? word : 'quarter');

/** What is plotted unless one metric is picked; blood pressure if there is some. */
const ALWAYS_PLOTTED = ['weight', 'bmi', 'fat_ratio', 'muscle_mass'];
const PLOTTED_IF_THERE = ['systolic_blood_pressure', 'diastolic_blood_pressure'];
export const USUAL: readonly string[] = [...ALWAYS_PLOTTED, ...PLOTTED_IF_THERE];

/** What a page or a file is asked to show. */
export type Shown = {
  range: PlotRange;
  metric: string | undefined;
  /** Whether values are shown that may be another person's. */
  ambiguous: boolean;
};

/** What the query of a user's page or file means. */
export const shownOf = (query: (name: string) => string | undefined): Shown => ({
  range: rangeOf(query('range')),
  metric: query('metric') || undefined,
  ambiguous: query('include') === 'ambiguous',
});

export type BodyData = {
  /** Names of all metrics that the user has, in the order of the catalog. */
  metrics: readonly string[];
  /** The newest value of each metric of the whole body. */
  latest: readonly MetricValue[];
  /** The one metric that was picked. */
  picked: string | undefined;
  plots: readonly LinePlotProps[];
  /** How many measurements of the range may be another person's. */
  ambiguous: number;
  /** Whether there were more values than one page reads. Then only the last year is shown. */
  isCut: boolean;
};

const NONE: BodyData = { metrics: [], latest: [], picked: undefined, plots: [], ambiguous: 0, isCut: false };

/** Reads what the page of one connection shows; nothing if there is no connection yet. */
export const readBodyData = async (
  deps: Deps,
  connection: { id: ConnectionId } | undefined,
  { range, metric, ambiguous }: Shown,
): Promise<Result<BodyData, Failure>> => {
  if (connection === undefined) return ok(NONE);
  const { id } = connection;
  const [stored, latest] = await Promise.all([
    seriesToRead(deps, id, { ...selectionOf(undefined), ambiguous: true }),
    readLatestMetrics(deps, id, selectionOf(undefined)),
  ]);
  if (!stored.ok) return stored;
  if (!latest.ok) return latest;
  const series = stored.value.toSorted((a, b) => a.rank - b.rank);
  const metrics = [...new Set(series.filter((one) => ambiguous || !one.ambiguous).map(({ name }) => name))];
  const picked = metric !== undefined && metrics.includes(metric) ? metric : undefined;
  // Each is read by itself, so that ten years of them stay below what one reading takes.
  const together =
    picked === undefined ? [ALWAYS_PLOTTED, PLOTTED_IF_THERE.filter((name) => metrics.includes(name))] : [[picked]];
  const newest = await newestOf(deps, id, { picked, series, latest: latest.value.values });
  if (!newest.ok) return newest;
  const plots: LinePlotProps[] = [];
  const inDoubt = new Set<EpochSeconds>();
  let isCut = false;
  for (const names of together.filter(({ length }) => length > 0)) {
    // Of those in doubt, the first metric's are enough to count them.
    const wanted = ({ name, ambiguous: isInDoubt }: MetricSeries) =>
      isInDoubt && !ambiguous ? name === names[0] : names.includes(name);
    const found = await readRange(deps, id, series.filter(wanted), range);
    if (!found.ok) return found;
    isCut ||= found.value.isCut;
    const [doubtful, certain] = parted(found.value.read, (one) => one.series.ambiguous);
    for (const { measuredAtSeconds } of doubtful.flatMap(({ values }) => values)) inDoubt.add(measuredAtSeconds);
    plots.push(
      ...plotsOf(names, { ...found.value, read: ambiguous ? [...certain, ...doubtful] : certain }, newest.value),
    );
  }
  return ok({ metrics, latest: latest.value.values, picked, plots, ambiguous: inDoubt.size, isCut });
};

const parted = <Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] => [
  items.filter(isFirst),
  items.filter((item) => !isFirst(item)),
];

const selectionOf = (names: readonly string[] | undefined): MetricSelection => {
  const selection = selectMetrics(names, { segments: true });
  if (!selection.ok) throw new Error(`no such metric: ${selection.failure.unknown}`);
  return selection.value;
};

/** Twice the segments that devices tell apart. */
const NEWEST_READ = 24;

/** The newest values of what is plotted: those of the whole body are known, segments are read. */
const newestOf = async (
  deps: Deps,
  id: ConnectionId,
  {
    picked,
    series,
    latest,
  }: { picked: string | undefined; series: readonly MetricSeries[]; latest: readonly MetricValue[] },
): Promise<Result<readonly MetricValue[], Failure>> => {
  const hasSegments = series.some(({ name, position }) => name === picked && position !== WHOLE_BODY);
  if (picked === undefined || !hasSegments) return ok(latest);
  const nowSeconds = Math.floor(deps.now() / SECOND_MS);
  const page = await readMetrics(deps, id, {
    selection: selectionOf([picked]),
    ...rangeBetween(undefined, { seconds: nowSeconds }),
    order: 'desc',
    limit: NEWEST_READ,
    after: undefined,
  });
  return page.ok ? ok(page.value.values) : page;
};

/** The values of a range; those of the last year if there are too many in all. */
const readRange = async (
  deps: Deps,
  id: ConnectionId,
  series: readonly MetricSeries[],
  range: PlotRange,
): Promise<Result<RangeRead & { isCut: boolean }, Failure>> => {
  const { days, length } = RANGES[range];
  const now = deps.now();
  const fromMs = days === undefined ? undefined : now - days * DAY_MS;
  const read = await readDatedValues(deps, { limits: [] }, id, {
    series,
    // A clock that is ahead still counts as now.
    ...rangeBetween(fromMs === undefined ? undefined : { seconds: Math.floor(fromMs / SECOND_MS) }, {
      seconds: Math.floor((now + DAY_MS) / SECOND_MS),
    }),
    manual: true,
    before: false,
  });
  if (!read.ok && read.failure.kind === 'invalid_parameter' && range === 'all') {
    const lastYear = await readRange(deps, id, series, 'year');
    return lastYear.ok ? ok({ ...lastYear.value, isCut: true }) : lastYear;
  }
  if (!read.ok) return read;
  const span = { from: fromMs === undefined ? undefined : utcDate(fromMs), to: utcDate(now) };
  return ok({ read: read.value, length, span, isCut: false });
};

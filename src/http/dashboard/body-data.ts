import type { Deps } from '../../broker/deps.ts';
import { readMetricPeriods } from '../../broker/metrics/read-metric-periods.ts';
import { readLatestMetrics, readMetrics, seriesToRead } from '../../broker/metrics/read-metrics.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { localDay } from '../../domain/metrics/local-time.ts';
import { WHOLE_BODY } from '../../domain/metrics/measurement.ts';
import type { PeriodLength } from '../../domain/metrics/metric-period.ts';
import { type MetricSelection, selectMetrics } from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import { metricByName } from '../../domain/metrics/metric.ts';
import { rangeBetween } from '../../domain/metrics/time-range.ts';
import { ok, type Result } from '../../domain/result.ts';
import { DAY_MS, SECOND_MS } from '../../domain/time.ts';
import { digitsOf, metricTitle } from './metric-words.ts';
import type { LinePlotProps, PlotValue } from './plot/line-plot.tsx';

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
export const rangeOf = (word: string | undefined): PlotRange =>
  word !== undefined && isRange(word) ? word : 'quarter';

/** What is plotted unless one metric is picked; blood pressure if there is some. */
const ALWAYS_PLOTTED = ['weight', 'bmi', 'fat_ratio', 'muscle_mass'];
const PLOTTED_IF_THERE = ['systolic_blood_pressure', 'diastolic_blood_pressure'];

export type BodyData = {
  /** Names of all metrics that the user has, in the order of the catalog. */
  metrics: readonly string[];
  /** The newest value of each metric of the whole body. */
  latest: readonly MetricValue[];
  /** The one metric that was picked. */
  picked: string | undefined;
  plots: readonly LinePlotProps[];
  /** Whether there were more values than one page reads. Then only the last year is shown. */
  isCut: boolean;
};

const NONE: BodyData = { metrics: [], latest: [], picked: undefined, plots: [], isCut: false };

/** Reads what the page of one connection shows; nothing if there is no connection yet. */
export const readBodyData = async (
  deps: Deps,
  connection: { id: ConnectionId } | undefined,
  { range, metric }: { range: PlotRange; metric: string | undefined },
): Promise<Result<BodyData, Failure>> => {
  if (connection === undefined) return ok(NONE);
  const { id } = connection;
  const [series, latest] = await Promise.all([
    seriesToRead(deps, id, selectionOf(undefined)),
    readLatestMetrics(deps, id, selectionOf(undefined)),
  ]);
  if (!series.ok) return series;
  if (!latest.ok) return latest;
  const metrics = [...new Set(series.value.toSorted((a, b) => a.rank - b.rank).map(({ name }) => name))];
  const picked = metric !== undefined && metrics.includes(metric) ? metric : undefined;
  // Each is read by itself, so that ten years of them stay below what one reading takes.
  const together =
    picked === undefined ? [ALWAYS_PLOTTED, PLOTTED_IF_THERE.filter((name) => metrics.includes(name))] : [[picked]];
  const newest = picked === undefined ? ok(latest.value.values) : await newestOf(deps, id, picked);
  if (!newest.ok) return newest;
  const plots: LinePlotProps[] = [];
  let isCut = false;
  for (const names of together.filter(({ length }) => length > 0)) {
    const read = await readRange(deps, id, names, range);
    if (!read.ok) return read;
    isCut ||= read.value.isCut;
    plots.push(...plotsOf(names, read.value, newest.value));
  }
  return ok({ metrics, latest: latest.value.values, picked, plots, isCut });
};

const selectionOf = (names: readonly string[] | undefined): MetricSelection => {
  const selection = selectMetrics(names, { segments: true });
  if (!selection.ok) throw new Error(`no such metric: ${selection.failure.unknown}`);
  return selection.value;
};

/** Twice the segments that devices tell apart. */
const NEWEST_READ = 24;

/** The newest values of one metric, of each segment if it has some. */
const newestOf = async (deps: Deps, id: ConnectionId, name: string): Promise<Result<MetricValue[], Failure>> => {
  const nowSeconds = Math.floor(deps.now() / SECOND_MS);
  const page = await readMetrics(deps, id, {
    selection: selectionOf([name]),
    ...rangeBetween(undefined, { seconds: nowSeconds }),
    order: 'desc',
    limit: NEWEST_READ,
    after: undefined,
  });
  return page.ok ? ok(page.value.values) : page;
};

type Values = {
  /** By metric and position. */
  values: ReadonlyMap<string, { name: string; position: number; values: PlotValue[] }>;
  of: PeriodLength;
  /** The first and last day of the range. Everything begins at the first value. */
  span: { from: string | undefined; to: string };
  isCut: boolean;
};

const FEW_PERIODS = 7;

const readRange = async (
  deps: Deps,
  id: ConnectionId,
  names: readonly string[],
  range: PlotRange,
): Promise<Result<Values, Failure>> => {
  const { days, length } = RANGES[range];
  const read = await readValues(deps, id, names, { days, length });
  if (!read.ok && read.failure.kind === 'invalid_parameter' && range === 'all') {
    const lastYear = await readRange(deps, id, names, 'year');
    return lastYear.ok ? ok({ ...lastYear.value, isCut: true }) : lastYear;
  }
  if (!read.ok || length === 'day') return read;
  const periods = new Set([...read.value.values.values()].flatMap(({ values }) => values.map(({ period }) => period)));
  // A short history is shown by day, whatever the range.
  return periods.size === 0 || periods.size >= FEW_PERIODS
    ? read
    : readValues(deps, id, names, { days, length: 'day' });
};

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const readValues = async (
  deps: Deps,
  id: ConnectionId,
  names: readonly string[],
  { days, length }: { days: number | undefined; length: PeriodLength },
): Promise<Result<Values, Failure>> => {
  const now = deps.now();
  const fromMs = days === undefined ? undefined : now - days * DAY_MS;
  const periods = await readMetricPeriods(deps, { limits: [] }, id, {
    selection: selectionOf(names),
    // A clock that is ahead still counts as now.
    ...rangeBetween(fromMs === undefined ? undefined : { seconds: Math.floor(fromMs / SECOND_MS) }, {
      seconds: Math.floor((now + DAY_MS) / SECOND_MS),
    }),
    order: 'asc',
    length,
    wholeDays: { first: undefined, last: undefined },
    filling: undefined,
  });
  if (!periods.ok) return periods;
  const values: Map<string, { name: string; position: number; values: PlotValue[] }> = new Map();
  for (const { series, name: period, firstDay, lastDay, mean } of periods.value) {
    const { name, position } = series;
    const key = `${name} ${position}`;
    const one = values.get(key) ?? { name, position, values: [] };
    values.set(key, one);
    one.values.push({ period, day: dayOf((Date.parse(firstDay) + Date.parse(lastDay)) / 2), value: mean });
  }
  return ok({
    values,
    of: length,
    span: { from: fromMs === undefined ? undefined : dayOf(fromMs), to: dayOf(now) },
    isCut: false,
  });
};

const ABSENT: Partial<Record<string, string>> = {
  bmi: 'No values in this time. A BMI needs a height, which this user may not have entered at Withings.',
};

/** A plot for each metric, and for each segment of one that has some. */
const plotsOf = (
  names: readonly string[],
  { values, of, span }: Values,
  newest: readonly MetricValue[],
): LinePlotProps[] =>
  names.flatMap((name) => {
    const found = [...values.values()].filter((one) => one.name === name);
    const series = found.length > 0 ? found : newestPositions(name, newest);
    return series.map(({ position, values: shown }): LinePlotProps => {
      const last = newest.find((value) => value.name === name && value.position === position);
      const unit = metricByName(name)?.unit ?? '';
      return {
        title: metricTitle(name, position),
        unit,
        digits: digitsOf(unit),
        of,
        span,
        values: shown,
        newest: last && { value: last.value, day: localDay(last.measuredAtSeconds, last.timeZone) },
        absent: ABSENT[name],
      };
    });
  });

/** The places of a metric without values in the range: its newest ones, or the whole body. */
const newestPositions = (name: string, newest: readonly MetricValue[]) => {
  const positions = new Set(newest.filter((value) => value.name === name).map(({ position }) => position));
  return (positions.size === 0 ? [WHOLE_BODY] : [...positions]).map((position) => ({ name, position, values: [] }));
};

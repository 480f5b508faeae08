import { line } from 'd3-shape';
import { utcTicks } from 'd3-time';

import type { PeriodLength } from '../../../domain/metrics/metric-period.ts';
import { trendOf } from '../../../domain/metrics/trend.ts';
import { DAY_MS } from '../../../domain/time.ts';
import { AREA, Picture, Point, TableBehind } from './frame.tsx';
import { linearScale } from './scale.ts';

/** The mean of a period: its name, the day on which it stands, and the value. */
export type PlotValue = { period: string; day: string; value: number };

export type LinePlotProps = {
  title: string;
  unit: string;
  /** Digits after the point. */
  digits: number;
  of: PeriodLength;
  /** The days that the axis spans. Without a first one it begins at the first value. */
  span: { from: string | undefined; to: string };
  /** Oldest first. */
  values: readonly PlotValue[];
  /** The newest measurement, whatever the range. */
  newest: { value: number; day: string } | undefined;
  /** The text if there are no values. */
  absent: string | undefined;
};

const TICKS = 4;
/** Far beyond any measure, and far below where a scale's differences overflow. */
const MOST_PLOTTED = 1e100;
/** Above this number the points are drawn as a line without marks. */
const MAX_DOTS = 31;

const PERIODS: Record<PeriodLength, { mean: string; heading: string }> = {
  day: { mean: 'daily mean', heading: 'Day' },
  week: { mean: 'weekly mean', heading: 'Week' },
  month: { mean: 'monthly mean', heading: 'Month' },
};

/** Days without a value after which a line is interrupted. */
const GAP_DAYS: Record<PeriodLength, number> = { day: 10, week: 21, month: 62 };
/** Fewer values of days have no trend worth a line. */
const LEAST_FOR_TREND = 8;

/** One metric over time. */
export const LinePlot = (plot: LinePlotProps) => {
  const { title, unit, digits, of, values: given } = plot;
  // A device may send anything, and a mean of such values may be no number.
  const values = given.filter(({ value }) => Math.abs(value) <= MOST_PLOTTED);
  const said = sayer(plot);
  return (
    <figure>
      <figcaption>
        <span>
          {title} <span class="meta">{PERIODS[of].mean}</span>
        </span>
        <Newest plot={plot} values={values} />
      </figcaption>
      {values.length === 0 ? (
        <p class="hint">{plot.absent ?? 'No values in this time.'}</p>
      ) : (
        <>
          <Chart plot={plot} values={values} said={said} />
          <TableBehind
            title={title}
            columns={[PERIODS[of].heading, unit === '' ? title : `${title} (${unit})`]}
            rows={values.toReversed().map(({ period, value }) => [period, value.toFixed(digits)])}
          />
        </>
      )}
    </figure>
  );
};

/** A value with its unit. */
const sayer =
  ({ unit, digits }: LinePlotProps) =>
  (value: number): string =>
    [value.toFixed(digits), unit].filter(Boolean).join(' ');

/** The newest measurement with its day, and the change over what is plotted. */
const Newest = ({ plot, values }: { plot: LinePlotProps; values: readonly PlotValue[] }) => {
  const { newest, digits } = plot;
  const [first, last] = [values[0], values.at(-1)];
  const said = sayer(plot);
  const change = first === undefined || last === undefined ? 0 : last.value - first.value;
  const sign = Number(change.toFixed(digits)) < 0 ? '−' : '+';
  return (
    <span class="now">
      {newest && Math.abs(newest.value) <= MOST_PLOTTED && (
        <>
          <span class="latest">{said(newest.value)}</span> <span class="meta">{longDay(newest.day)}</span>
        </>
      )}
      {first !== undefined && values.length > 1 && (
        <span class="meta change">
          {sign}
          {said(Math.abs(change))} since {longDay(first.day)}
        </span>
      )}
    </span>
  );
};

type ChartProps = { plot: LinePlotProps; values: readonly PlotValue[]; said: (value: number) => string };

const Chart = ({ plot: { title, of, span }, values, said }: ChartProps) => {
  const numbers = values.map(({ value }) => value);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const [firstDay, lastDay] = [values[0]?.day ?? span.to, values.at(-1)?.day ?? span.to];
  const [from, to] = spread(timeOf(span.from ?? firstDay), Math.max(timeOf(span.to), timeOf(lastDay)), DAY_MS);
  // A week or a month may begin before the range.
  const x = (day: string | Date): number =>
    AREA.left + (Math.max(0, timeOf(day) - from) / (to - from)) * (AREA.right - AREA.left);
  const y = linearScale(spread(least, most, 0.5), [AREA.bottom, AREA.top], TICKS);
  const runs = runsOf(values, of);
  const path = line<PlotValue>(
    ({ day }) => x(day),
    ({ value }) => y.at(value),
  ).digits(1);
  const hasTrend = of === 'day' && values.length >= LEAST_FOR_TREND;
  const places = values.map(({ day }) => x(day));
  return (
    <Picture
      summary={`${title}, ${PERIODS[of].mean}: ${values.length} values from ${firstDay} to ${lastDay}, between ${said(least)} and ${said(most)}.`}
      across={dateTicks(from, to).map((date) => ({ at: x(date.at), label: date.label }))}
      up={y.ticks}
    >
      {runs.map((run) => (
        <path class={hasTrend ? 'line faint' : 'line'} d={path(run) ?? ''} />
      ))}
      {hasTrend && runs.map((run) => <path class="line" d={path(smoothed(run)) ?? ''} />)}
      {values.map((one, index) => (
        <Point {...columnOf(places, index)} value={`${one.period}: ${said(one.value)}`}>
          <circle
            class={values.length <= MAX_DOTS || isAlone(runs, one) ? 'dot' : 'dot mark'}
            cx={x(one.day).toFixed(1)}
            cy={y.at(one.value).toFixed(1)}
            r={3}
          />
        </Point>
      ))}
    </Picture>
  );
};

/** Values between which there is no gap. */
const runsOf = (values: readonly PlotValue[], of: PeriodLength): PlotValue[][] => {
  const runs: PlotValue[][] = [];
  for (const value of values) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    const isGap = before === undefined || timeOf(value.day) - timeOf(before.day) > GAP_DAYS[of] * DAY_MS;
    if (run === undefined || isGap) runs.push([value]);
    else run.push(value);
  }
  return runs;
};

/** A value that no line leads to needs a mark. */
const isAlone = (runs: readonly PlotValue[][], value: PlotValue): boolean =>
  runs.some((run) => run.length === 1 && run[0] === value);

const smoothed = (run: readonly PlotValue[]): PlotValue[] => {
  const trend = trendOf(run.map(({ day, value }) => ({ at: timeOf(day), value })));
  return run.map((one, index) => ({ ...one, value: trend[index] ?? one.value }));
};

/** Half the width that a finger needs, in the plot's units. */
const HALF_FINGER = 14;

/** The part of the width that is nearest to a point, no wider than a finger where nothing else is near. */
const columnOf = (places: readonly number[], index: number): { from: number; to: number } => {
  const at = places[index] ?? 0;
  const before = places[index - 1] ?? -Infinity;
  const after = places[index + 1] ?? Infinity;
  const half = Math.max(0.5, Math.min(HALF_FINGER, (at - before) / 2, (after - at) / 2));
  return { from: at - half, to: at + half };
};

const timeOf = (day: string | Date): number =>
  typeof day === 'string' ? Date.parse(`${day}T00:00:00Z`) : day.getTime();

/** The smallest part of a number by which another one differs from it for sure. */
const RESOLUTION = 1e-9;

/** A range of a minimum width, so that a single value is in its middle, however large it is. */
const spread = (low: number, high: number, least: number): [number, number] => {
  const wanted = Math.max(least, Math.max(Math.abs(low), Math.abs(high)) * RESOLUTION);
  return high - low >= wanted ? [low, high] : [low - wanted, high + wanted];
};

/** Merges ticks with equal labels. */
const dateTicks = (from: number, to: number): { at: Date; label: string }[] => {
  const dates = utcTicks(new Date(from), new Date(to), TICKS).map((at) => ({ at, label: dateLabel(at, to - from) }));
  return dates.filter(({ label }, index) => label !== dates[index - 1]?.label);
};

const YEAR_DAYS = 366;

const dateLabel = (at: Date, spanMs: number): string => {
  const days = spanMs / DAY_MS;
  if (days > 2 * YEAR_DAYS) return dateText(at, { year: 'numeric' });
  return dateText(at, days > YEAR_DAYS / 2 ? { month: 'short', year: 'numeric' } : { day: 'numeric', month: 'short' });
};

const longDay = (day: string): string =>
  dateText(new Date(timeOf(day)), { day: 'numeric', month: 'short', year: 'numeric' });

const dateText = (at: Date, parts: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: 'UTC' }).format(at);

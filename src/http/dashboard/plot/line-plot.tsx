import { line } from 'd3-shape';
import { utcDay, utcTicks } from 'd3-time';

import type { PeriodLength } from '../../../domain/metrics/metric-period.ts';
import { trendOf } from '../../../domain/metrics/trend.ts';
import { DAY_MS, type EpochMs, startOfUtcDate, utcDate } from '../../../domain/time.ts';
import { dateText, dayText } from '../date-words.ts';
import { changeText, numberText, valueText } from '../metric-words.ts';
import { AREA, Picture, Point, Swatch, TableBehind } from './frame.tsx';
import { linearScale } from './scale.ts';

/** A value, or the mean of a period: its name, where it stands, and the value. */
export type PlotValue = {
  label: string;
  /** Of local time, as if it were UTC. */
  at: EpochMs;
  value: number;
};

/** One value with its local day. */
type DayValue = { value: number; day: string };

export type LinePlotProps = {
  title: string;
  unit: string;
  of: PeriodLength;
  /** Whether the values are single ones, not means. */
  isSingle: boolean;
  /** The days that the axis spans. Without a first one it begins at the first value. */
  span: { from: string | undefined; to: string };
  /** Oldest first. */
  values: readonly PlotValue[];
  /** The newest measurement, whatever the range. */
  newest: DayValue | undefined;
  /** The first and the last measurement of the range, if there are two. */
  ends: { first: DayValue; last: DayValue } | undefined;
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

/** A device may send anything, and a mean of such values may be no number. */
const isPlotted = ({ value }: { value: number }): boolean => Math.abs(value) <= MOST_PLOTTED;

/** One metric over time. */
export const LinePlot = (plot: LinePlotProps) => {
  const { title, unit, of, isSingle } = plot;
  const values = plot.values.filter(isPlotted);
  const runs = runsOf(values, of);
  const trend = !isSingle && of === 'day' && values.length >= LEAST_FOR_TREND ? runs.map(smoothed) : [];
  return (
    <figure>
      <figcaption>
        <span>
          {title} <span class="meta">{kindOf(plot)}</span>
          <Trend newest={trend.at(-1)?.at(-1)} unit={unit} />
        </span>
        <Newest {...plot} />
      </figcaption>
      {values.length === 0 ? (
        <p class="hint">{plot.absent ?? 'No values in this time.'}</p>
      ) : (
        <>
          <Chart plot={plot} values={values} runs={runs} trend={trend} />
          <TableBehind
            title={title}
            columns={[isSingle ? 'Measured' : PERIODS[of].heading, unit === '' ? title : `${title} (${unit})`]}
            rows={values.toReversed().map(({ label, value }) => [label, numberText(value, unit)])}
          />
        </>
      )}
    </figure>
  );
};

const kindOf = ({ of, isSingle }: LinePlotProps): string => (isSingle ? 'single values' : PERIODS[of].mean);

/** Says what the strong line is, where there is one. */
const Trend = ({ newest, unit }: { newest: PlotValue | undefined; unit: string }) =>
  newest === undefined ? null : (
    <span class="legend meta">
      <Swatch label={`Trend: ${valueText(newest.value, unit)}`}>
        <line class="line" x1="0" x2="12" y1="6" y2="6" />
      </Swatch>
    </span>
  );

/** The newest measurement with its day, and the change over the range: from its first measurement to its last. */
const Newest = ({ newest, ends, unit }: LinePlotProps) => (
  <span class="now">
    {newest && isPlotted(newest) && (
      <>
        <span class="latest">{valueText(newest.value, unit)}</span> <span class="meta">{dayText(newest.day)}</span>
      </>
    )}
    {ends && isPlotted(ends.first) && isPlotted(ends.last) && (
      <span class="meta change">
        {changeText(ends.first.value, ends.last.value, unit)} since {dayText(ends.first.day)}
      </span>
    )}
  </span>
);

type Runs = readonly (readonly PlotValue[])[];

type ChartProps = { plot: LinePlotProps; values: readonly PlotValue[]; runs: Runs; trend: Runs };

const Chart = ({ plot, values, runs, trend }: ChartProps) => {
  const { title, span, unit } = plot;
  const numbers = values.map(({ value }) => value);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const end = startOfUtcDate(span.to);
  const [first, last] = [values[0]?.at ?? end, values.at(-1)?.at ?? end];
  const [from, to] = spread(span.from === undefined ? first : startOfUtcDate(span.from), Math.max(end, last), DAY_MS);
  // A week or a month may begin before the range.
  const x = (at: EpochMs): number => AREA.left + (Math.max(0, at - from) / (to - from)) * (AREA.right - AREA.left);
  const y = linearScale(spread(least, most, 0.5), [AREA.bottom, AREA.top], TICKS);
  const path = line<PlotValue>(
    ({ at }) => x(at),
    ({ value }) => y.at(value),
  ).digits(1);
  const places = values.map(({ at }) => x(at));
  return (
    <Picture
      summary={`${title}, ${kindOf(plot)}: ${values.length} values from ${dayText(utcDate(first))} to ${dayText(utcDate(last))}, between ${valueText(least, unit)} and ${valueText(most, unit)}.`}
      across={dateTicks(from, to).map(({ at, label }) => ({ at: x(at.getTime()), label }))}
      up={y.ticks}
    >
      {runs.map((run) => (
        <path class={trend.length > 0 ? 'line faint' : 'line'} d={path([...run]) ?? ''} />
      ))}
      {trend.map((run) => (
        <path class="line" d={path([...run]) ?? ''} />
      ))}
      {values.map((one, index) => (
        <Point {...columnOf(places, index)} value={`${one.label}: ${valueText(one.value, unit)}`}>
          <circle
            class={values.length <= MAX_DOTS || isAlone(runs, one) ? 'dot' : 'dot mark'}
            cx={x(one.at).toFixed(1)}
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
    const isGap = before === undefined || value.at - before.at > GAP_DAYS[of] * DAY_MS;
    if (run === undefined || isGap) runs.push([value]);
    else run.push(value);
  }
  return runs;
};

/** A value that no line leads to needs a mark. */
const isAlone = (runs: Runs, value: PlotValue): boolean => runs.some((run) => run.length === 1 && run[0] === value);

const smoothed = (run: readonly PlotValue[]): PlotValue[] => {
  const trend = trendOf(run);
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

/** The smallest part of a number by which another one differs from it for sure. */
const RESOLUTION = 1e-9;

/** A range of a minimum width, so that a single value is in its middle, however large it is. */
const spread = (low: number, high: number, least: number): [number, number] => {
  const wanted = Math.max(least, Math.max(Math.abs(low), Math.abs(high)) * RESOLUTION);
  return high - low >= wanted ? [low, high] : [low - wanted, high + wanted];
};

/** A range of fewer days is divided by days: every second day of the month would make uneven steps. */
const FEW_DAYS = 15;

/** Merges ticks with equal labels. */
const dateTicks = (from: EpochMs, to: EpochMs): { at: Date; label: string }[] => {
  const [first, last] = [new Date(from), new Date(to)];
  const ticks = to - from < FEW_DAYS * DAY_MS ? utcDay.range(first, new Date(to + 1)) : utcTicks(first, last, TICKS);
  const dates = ticks.map((at) => ({ at, label: dateLabel(at, to - from) }));
  return dates.filter(({ label }, index) => label !== dates[index - 1]?.label);
};

const YEAR_DAYS = 366;

const dateLabel = (at: Date, spanMs: number): string => {
  const days = spanMs / DAY_MS;
  if (days > 2 * YEAR_DAYS) return dateText(at.getTime(), { year: 'numeric' });
  return dateText(
    at.getTime(),
    days > YEAR_DAYS / 2 ? { month: 'short', year: 'numeric' } : { day: 'numeric', month: 'short' },
  );
};

import { line } from 'd3-shape';
import { utcTicks } from 'd3-time';

import { DAY_MS } from '../../../domain/time.ts';
import { AREA, Picture, TableBehind } from './frame.tsx';
import { linearScale } from './scale.ts';

/** A value of a local day, `YYYY-MM-DD`, or of the period that began on it. */
export type DayValue = { day: string; value: number };

export type LinePlotProps = {
  title: string;
  unit: string;
  /** Digits after the point. */
  digits: number;
  /** The kind of value, such as "daily mean". */
  of: string;
  /** Oldest first. */
  values: readonly DayValue[];
  /** The text if there are no values. */
  absent?: string;
};

const TICKS = 4;
/** Far beyond any measure, and far below where a scale's differences overflow. */
const MOST_PLOTTED = 1e100;
/** Above this number the points are drawn as a line without marks. */
const MAX_DOTS = 31;

/** One metric over time. */
export const LinePlot = ({ title, unit, digits, of, values: given, absent }: LinePlotProps) => {
  // A device may send anything, and a mean of such values may be no number.
  const values = given.filter(({ value }) => Math.abs(value) <= MOST_PLOTTED);
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return <EmptyPlot title={title} absent={absent} />;
  const said = (value: number): string => `${value.toFixed(digits)}${unit === '%' ? ' %' : ` ${unit}`}`;
  const numbers = values.map(({ value }) => value);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const [from, to] = spread(timeOf(first.day), timeOf(last.day), DAY_MS);
  const x = (day: string | Date): number => AREA.left + ((timeOf(day) - from) / (to - from)) * (AREA.right - AREA.left);
  const y = linearScale(spread(least, most, 0.5), [AREA.bottom, AREA.top], TICKS);
  const path = line<DayValue>(
    ({ day }) => x(day),
    ({ value }) => y.at(value),
  ).digits(1);
  return (
    <figure>
      <figcaption>
        <span>
          {title} <span class="meta">{of}</span>
        </span>
        <span class="latest">{said(last.value)}</span>
      </figcaption>
      <Picture
        summary={`${title}, ${of}: ${values.length} values from ${first.day} to ${last.day}, between ${said(least)} and ${said(most)}; the newest is ${said(last.value)}.`}
        across={dateTicks(from, to).map((date) => ({ at: x(date.at), label: date.label }))}
        up={y.ticks}
      >
        <path class="line" d={path(values) ?? ''} />
        {(values.length <= MAX_DOTS ? values : [last]).map(({ day, value }) => (
          <circle class="dot" cx={x(day).toFixed(1)} cy={y.at(value).toFixed(1)} r={3}>
            <title>{`${day}: ${said(value)}`}</title>
          </circle>
        ))}
      </Picture>
      <TableBehind
        title={title}
        columns={['Day', `${title} (${unit})`]}
        rows={values.toReversed().map(({ day, value }) => [day, value.toFixed(digits)])}
      />
    </figure>
  );
};

const EmptyPlot = ({ title, absent = 'No values in this time.' }: { title: string; absent?: string | undefined }) => (
  <figure>
    <figcaption>{title}</figcaption>
    <p class="hint">{absent}</p>
  </figure>
);

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
  const parts: Intl.DateTimeFormatOptions =
    days > 2 * YEAR_DAYS
      ? { year: 'numeric' }
      : days > YEAR_DAYS / 2
        ? { month: 'short', year: 'numeric' }
        : { day: 'numeric', month: 'short' };
  return new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: 'UTC' }).format(at);
};

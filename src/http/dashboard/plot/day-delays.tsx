import { DELAY_BOUNDS_SECONDS, delayKind, type DelayKind, delayOfShare } from '../../../domain/activity.ts';
import { MINUTE_MS, SECOND_MS } from '../../../domain/time.ts';
import { dayText } from '../date-words.ts';
import { dayAxis, dayLabel } from './day-axis.ts';
import { AREA, Picture, Point, Swatch, TableBehind } from './frame.tsx';

/** The delays with a line of the grid, in seconds. */
const LABELLED_SECONDS: readonly number[] = [10, 60, 600, 3_600, 43_200, 604_800];
/** The plot is at least this high. */
const LEAST_HIGH = delayKind(MINUTE_MS);

type Props = { title: string; days: readonly { day: string; delays: readonly number[] }[] };

/** The median and the 95th percentile of each day's delays. */
export const DayDelays = ({ title, days }: Props) => {
  const shown = days.flatMap(({ day, delays }, index) => {
    const within = percentiles(delays);
    return within === undefined ? [] : [{ day, index, ...within }];
  });
  const all = percentiles(
    days.reduce((sums, { delays }) => delays.map((count, kind) => count + (sums[kind] ?? 0)), [] as number[]),
  );
  return (
    <figure>
      <figcaption>
        {title}
        {all && <Legend {...all} />}
      </figcaption>
      {all === undefined ? (
        <p class="hint">No weigh-in was stored yet that was made since its user connected.</p>
      ) : (
        <>
          <Chart
            summary={`${title} in ${days.length} days: median ${delayText(all.median)}, 95th percentile ${delayText(all.most)}.`}
            days={days.map(({ day }) => day)}
            shown={shown}
          />
          <TableBehind
            title={title}
            columns={['Day', 'Median', '95th percentile']}
            rows={shown.map(({ day, median, most }) => [dayText(day), delayText(median), delayText(most)]).toReversed()}
          />
        </>
      )}
    </figure>
  );
};

type Percentiles = { median: DelayKind; most: DelayKind };

const Legend = ({ median, most }: Percentiles) => (
  <span class="legend">
    <Swatch label={`Median: ${delayText(median)}`}>
      <circle class="dot first" cx="6" cy="6" r="3" />
    </Swatch>
    <Swatch label={`95th percentile: ${delayText(most)}`}>
      <circle class="dot" cx="6" cy="6" r="4.5" />
    </Swatch>
  </span>
);

type ChartProps = {
  summary: string;
  days: readonly string[];
  shown: readonly ({ day: string; index: number } & Percentiles)[];
};

/**
 * A line from the median to the 95th percentile of each day. Equal steps up are kinds of delay, from seconds to weeks.
 */
const Chart = ({ summary, days, shown }: ChartProps) => {
  const axis = dayAxis(days);
  const highest = Math.max(LEAST_HIGH, ...shown.map(({ most }) => most));
  const y = (kind: DelayKind): number => AREA.bottom - (kind / highest) * (AREA.bottom - AREA.top);
  return (
    <Picture
      summary={summary}
      across={axis.ticks}
      up={LABELLED_SECONDS.map((seconds) => ({ seconds, kind: delayKind(seconds * SECOND_MS) }))
        .filter(({ kind }) => kind <= highest)
        .map(({ seconds, kind }) => ({ at: y(kind), label: durationText(seconds, 'narrow') }))}
    >
      {shown.map(({ day, index, median, most }) => {
        const [from, to] = [axis.left(index), axis.left(index) + axis.width];
        const x = ((from + to) / 2).toFixed(1);
        return (
          <Point from={from} to={to} value={`${dayLabel(day)}: half ${delayText(median)}, 95% ${delayText(most)}`}>
            <line class="line" x1={x} x2={x} y1={y(median).toFixed(1)} y2={y(most).toFixed(1)} />
            <circle class="dot" cx={x} cy={y(most).toFixed(1)} r={4.5} />
            <circle class="dot first" cx={x} cy={y(median).toFixed(1)} r={2} />
          </Point>
        );
      })}
    </Picture>
  );
};

const percentiles = (delays: readonly number[]): Percentiles | undefined => {
  const [median, most] = [delayOfShare(delays, 0.5), delayOfShare(delays, 0.95)];
  return median === undefined || most === undefined ? undefined : { median, most };
};

const UNITS = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

/** A kind of delay in words: `within 10 sec`. */
const delayText = (kind: DelayKind): string => {
  const bound = DELAY_BOUNDS_SECONDS[kind];
  if (bound !== undefined) return `within ${durationText(bound, 'short')}`;
  return `over ${durationText(DELAY_BOUNDS_SECONDS.at(-1) ?? 0, 'short')}`;
};

const durationText = (seconds: number, unitDisplay: 'short' | 'narrow'): string => {
  const [size, unit] = UNITS.find(([size]) => seconds >= size) ?? [1, 'second'];
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay }).format(seconds / size);
};

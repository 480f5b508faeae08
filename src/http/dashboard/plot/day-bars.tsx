import { AREA, Picture, Point, TableBehind } from './frame.tsx';
import { linearScale } from './scale.ts';

/** Two counts of one UTC day, `YYYY-MM-DD`. */
export type DayCounts = { day: string; first: number; second: number };

const TICKS = 4;
/** The share of a day's width of one of its two bars; the rest separates days. */
const BAR_SHARE = 0.36;
/** Days between two labels. */
const LABELLED_DAYS = 7;

type Props = { title: string; labels: readonly [string, string]; days: readonly DayCounts[] };

/** Two counts a day, side by side: the first filled, the second outlined, so that they differ without color. */
export const DayBars = ({ title, labels: [first, second], days }: Props) => {
  const most = Math.max(1, ...days.flatMap((one) => [one.first, one.second]));
  const width = (AREA.right - AREA.left) / days.length;
  const left = (index: number): number => AREA.left + index * width;
  const half = width * BAR_SHARE;
  const y = linearScale([0, most], [AREA.bottom, AREA.top], TICKS);
  const sum = (of: 'first' | 'second'): number => days.reduce((total, one) => total + one[of], 0);
  const bar = (name: string, x: number, count: number) =>
    count > 0 && <Bar name={name} x={x} width={half} top={y.at(count)} bottom={y.at(0)} />;
  return (
    <figure>
      <figcaption>
        {title}
        <span class="legend">
          <Swatch name="first" label={`${first}: ${sum('first')}`} />
          <Swatch name="second" label={`${second}: ${sum('second')}`} />
        </span>
      </figcaption>
      <Picture
        summary={`${title}: ${sum('first')} ${first.toLowerCase()} and ${sum('second')} ${second.toLowerCase()} in ${days.length} days.`}
        across={days
          .map(({ day }, index) => ({ at: left(index) + half, label: dayLabel(day) }))
          .filter((_, index) => (days.length - 1 - index) % LABELLED_DAYS === 0)}
        up={y.ticks
          .filter(({ value }) => Number.isInteger(value))
          .map(({ value, at }) => ({ at, label: String(value) }))}
      >
        {days.map((one, index) => (
          <Point
            from={left(index)}
            to={left(index) + width}
            value={`${dayLabel(one.day)}: ${one.first} ${first.toLowerCase()}, ${one.second} ${second.toLowerCase()}`}
          >
            {bar('first', left(index), one.first)}
            {bar('second', left(index) + half, one.second)}
          </Point>
        ))}
      </Picture>
      <TableBehind
        title={title}
        columns={['Day', first, second]}
        rows={days.toReversed().map((one) => [one.day, String(one.first), String(one.second)])}
      />
    </figure>
  );
};

type BarProps = { name: string; x: number; width: number; top: number; bottom: number };

const Bar = ({ name, x, width, top, bottom }: BarProps) => (
  <rect class={name} x={x.toFixed(1)} y={top.toFixed(1)} width={width.toFixed(1)} height={(bottom - top).toFixed(1)} />
);

const Swatch = ({ name, label }: { name: string; label: string }) => (
  <span class="swatch">
    <svg class="plot" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <rect class={name} x="1" y="1" width="10" height="10" />
    </svg>
    {label}
  </span>
);

const dayLabel = (day: string): string =>
  new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(day));

import { scaleBand, scaleLinear } from 'd3-scale';

import { AREA, Picture, TableBehind } from './frame.tsx';

/** Two counts of one UTC day, `YYYY-MM-DD`. */
export type DayCounts = { day: string; first: number; second: number };

const TICKS = 4;
/** Every so many days are named below. */
const LABELLED_DAYS = 7;

/** Two counts a day, side by side: the first filled, the second outlined, so that they differ without colour. */
export const DayBars = ({
  title,
  labels: [first, second],
  days,
}: {
  title: string;
  labels: readonly [string, string];
  days: readonly DayCounts[];
}) => {
  const most = Math.max(1, ...days.flatMap((one) => [one.first, one.second]));
  const x = scaleBand()
    .domain(days.map(({ day }) => day))
    .range([AREA.left, AREA.right])
    .paddingInner(0.3);
  const y = scaleLinear().domain([0, most]).nice(TICKS).range([AREA.bottom, AREA.top]);
  const half = x.bandwidth() / 2;
  const sum = (of: 'first' | 'second'): number => days.reduce((total, one) => total + one[of], 0);
  const bar = (name: string, left: number, count: number) =>
    count > 0 && (
      <rect
        class={name}
        x={left.toFixed(1)}
        y={y(count).toFixed(1)}
        width={half.toFixed(1)}
        height={(y(0) - y(count)).toFixed(1)}
      />
    );
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
          .filter((_, index) => (days.length - 1 - index) % LABELLED_DAYS === 0)
          .map(({ day }) => ({ at: (x(day) ?? 0) + half, label: dayLabel(day) }))}
        up={y
          .ticks(TICKS)
          .filter(Number.isInteger)
          .map((at) => ({ at: y(at), label: y.tickFormat(TICKS, 'd')(at) }))}
      >
        {days.map((one) => (
          <g>
            <title>{`${one.day}: ${one.first} ${first.toLowerCase()}, ${one.second} ${second.toLowerCase()}`}</title>
            {bar('first', x(one.day) ?? 0, one.first)}
            {bar('second', (x(one.day) ?? 0) + half, one.second)}
          </g>
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

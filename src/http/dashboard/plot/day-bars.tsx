import { dayText } from '../date-words.ts';
import { dayAxis, dayLabel } from './day-axis.ts';
import { AREA, Picture, Point, Swatch, TableBehind } from './frame.tsx';
import { linearScale } from './scale.ts';

const TICKS = 4;
/** The share of a day's width of all its bars; the rest separates days. */
const BARS_SHARE = 0.8;
/** Filled, tinted and outlined, so that they differ without color. */
const STYLES = ['first', 'second', 'third'] as const;

type Props = {
  title: string;
  days: readonly string[];
  /** Up to three counts a day, each in the order of the days. */
  series: readonly { name: string; counts: readonly number[] }[];
};

/** Counts of each day, side by side. */
export const DayBars = ({ title, days, series }: Props) => {
  const sums = series.map(({ name, counts }) => ({ name, sum: counts.reduce((sum, count) => sum + count, 0) }));
  return (
    <figure>
      <figcaption>
        {title}
        <span class="legend">
          {sums.map(({ name, sum }, index) => (
            <Swatch label={`${name}: ${sum}`}>
              <rect class={STYLES[index]} x="1" y="1" width="10" height="10" />
            </Swatch>
          ))}
        </span>
      </figcaption>
      <Chart
        summary={`${title} in ${days.length} days: ${sums.map(({ name, sum }) => `${sum} ${name.toLowerCase()}`).join(', ')}.`}
        days={days}
        series={series}
      />
      <TableBehind
        title={title}
        columns={['Day', ...series.map(({ name }) => name)]}
        rows={days
          .map((day, index) => [dayText(day), ...series.map(({ counts }) => String(counts[index]))])
          .toReversed()}
      />
    </figure>
  );
};

const Chart = ({ summary, days, series }: { summary: string } & Omit<Props, 'title'>) => {
  const axis = dayAxis(days);
  const barWidth = (axis.width * BARS_SHARE) / series.length;
  const y = linearScale([0, Math.max(1, ...series.flatMap(({ counts }) => counts))], [AREA.bottom, AREA.top], TICKS);
  return (
    <Picture
      summary={summary}
      across={axis.ticks}
      up={y.ticks.filter(({ value }) => Number.isInteger(value)).map(({ value, at }) => ({ at, label: String(value) }))}
    >
      {days.map((day, index) => {
        const ofDay = series.map(({ name, counts }) => ({ name, count: counts[index] ?? 0 }));
        const words = ofDay.map(({ name, count }) => `${count} ${name.toLowerCase()}`).join(', ');
        const left = axis.left(index);
        return (
          <Point from={left} to={left + axis.width} value={`${dayLabel(day)}: ${words}`}>
            {ofDay.map(({ count }, place) => (
              <Bar
                style={STYLES[place]}
                x={left + place * barWidth}
                width={barWidth}
                top={y.at(count)}
                bottom={y.at(0)}
              />
            ))}
          </Point>
        );
      })}
    </Picture>
  );
};

type BarProps = { style: string | undefined; x: number; width: number; top: number; bottom: number };

const Bar = ({ style, x, width, top, bottom }: BarProps) =>
  bottom > top ? (
    <rect
      class={style}
      x={x.toFixed(1)}
      y={top.toFixed(1)}
      width={width.toFixed(1)}
      height={(bottom - top).toFixed(1)}
    />
  ) : null;

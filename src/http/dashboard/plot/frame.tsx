import type { Child } from 'hono/jsx';

/** The size of a plot in its own units. The page scales it. */
const WIDTH = 520;
const HEIGHT = 236;
/** The area of the data. Above it is room for the value that is pointed at. */
export const AREA = { left: 58, right: WIDTH - 12, top: 30, bottom: HEIGHT - 28 };

/** A tick of an axis: its position and label. */
export type Tick = { at: number; label: string };

/** The picture: axes, grid and data. `summary` describes it for screen readers. */
export const Picture = ({
  summary,
  across,
  up,
  children,
}: {
  summary: string;
  across: readonly Tick[];
  up: readonly Tick[];
  children: Child;
}) => (
  <svg class="plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group" aria-label={summary}>
    {up.map(({ at, label }) => (
      <>
        <line class="grid" x1={AREA.left} x2={AREA.right} y1={at} y2={at} />
        <text x={AREA.left - 8} y={at} text-anchor="end" dominant-baseline="middle">
          {label}
        </text>
      </>
    ))}
    {apart(across).map(({ at, label }) => (
      <text x={at} y={HEIGHT - 8} text-anchor={anchorOf(at)}>
        {label}
      </text>
    ))}
    {children}
  </svg>
);

/** The width of the widest label, as large as it is on a phone. */
const LABEL_WIDTH = 84;
const HALF_LABEL = LABEL_WIDTH / 2;

/** Of ticks at even steps, the newest and every n-th before it: as many as do not touch. */
const apart = (ticks: readonly Tick[], step = 1): readonly Tick[] => {
  const kept = ticks.filter((_, index) => (ticks.length - 1 - index) % step === 0);
  const starts = kept.map(({ at }) => at - LABEL_WIDTH * PART_BEFORE[anchorOf(at)]);
  const isClear = starts.every((start, index) => start - (starts[index - 1] ?? -Infinity) >= LABEL_WIDTH);
  return isClear ? kept : apart(ticks, step + 1);
};

/** The part of a label that is before its place. */
const PART_BEFORE = { start: 0, middle: 1 / 2, end: 1 };

/**
 * A point of a plot: what is drawn of it, and its value above the plot while it is pointed at or has the focus. A
 * finger gives it the focus; the page's script moves the focus with the arrow keys.
 */
export const Point = ({
  from,
  to,
  value,
  children,
}: {
  /** The part of the width that belongs to it. */
  from: number;
  to: number;
  value: string;
  children: Child;
}) => {
  const tip = tipPlace((from + to) / 2, value);
  return (
    <g class="point" tabindex={-1} role="img" aria-label={value}>
      <rect class="hit" x={from.toFixed(1)} y="0" width={Math.max(to - from, 1).toFixed(1)} height={AREA.bottom} />
      {children}
      <text class="tip" x={tip.x} y={AREA.top - 14} text-anchor={tip.anchor} aria-hidden="true">
        {value}
      </text>
    </g>
  );
};

/** About half the width of a character of a tip, on a phone. */
const HALF_CHARACTER = 5.5;

/** Where a text that belongs to a place stands, so that it is inside the picture. */
const tipPlace = (at: number, text: string): { x: number; anchor: 'start' | 'middle' | 'end' } => {
  const half = text.length * HALF_CHARACTER;
  if (at < half) return { x: 0, anchor: 'start' };
  return at > WIDTH - half ? { x: WIDTH, anchor: 'end' } : { x: Math.round(at), anchor: 'middle' };
};

/** Keeps the first and last label inside the picture. */
const anchorOf = (x: number): 'start' | 'middle' | 'end' => {
  if (x < AREA.left + HALF_LABEL) return 'start';
  return x > AREA.right - HALF_LABEL ? 'end' : 'middle';
};

/** An entry of a legend: the sign, drawn on 12 by 12, and its words. */
export const Swatch = ({ label, children }: { label: string; children: Child }) => (
  <span class="swatch">
    <svg class="plot" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {children}
    </svg>
    {label}
  </span>
);

/** The numbers of a plot, collapsed. */
export const TableBehind = ({
  title,
  columns,
  rows,
}: {
  title: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}) => (
  <details>
    <summary>
      As a table<span class="hidden">: {title}</span>
    </summary>
    <div class="scroll" role="region" aria-label={`${title} as a table`} tabindex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column, index) => (
              <th scope="col" class={index === 0 ? undefined : 'number'}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([first, ...rest]) => (
            <tr>
              <th scope="row">{first}</th>
              {rest.map((cell) => (
                <td class="number">{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </details>
);

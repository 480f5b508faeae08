import type { Child } from 'hono/jsx';

/** The size of a plot in its own units. The page scales it. */
const WIDTH = 520;
const HEIGHT = 220;
/** The area of the data. */
export const AREA = { left: 46, right: WIDTH - 12, top: 14, bottom: HEIGHT - 28 };

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
  <svg class="plot" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary}>
    {up.map(({ at, label }) => (
      <>
        <line class="grid" x1={AREA.left} x2={AREA.right} y1={at} y2={at} />
        <text x={AREA.left - 8} y={at} text-anchor="end" dominant-baseline="middle">
          {label}
        </text>
      </>
    ))}
    {across.map(({ at, label }) => (
      <text x={at} y={HEIGHT - 8} text-anchor={anchorOf(at)}>
        {label}
      </text>
    ))}
    {children}
  </svg>
);

/** Half the maximum width of a label. */
const HALF_LABEL = 30;

/** Keeps the first and last label inside the picture. */
const anchorOf = (x: number): 'start' | 'middle' | 'end' => {
  if (x < AREA.left + HALF_LABEL) return 'start';
  return x > AREA.right - HALF_LABEL ? 'end' : 'middle';
};

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

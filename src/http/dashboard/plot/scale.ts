import { nice, ticks, tickStep } from 'd3-array';

/** A linear scale from values to positions, with round values to label. */
export type LinearScale = {
  at: (value: number) => number;
  ticks: { value: number; at: number; label: string }[];
};

/**
 * A scale over at least `domain`, widened to round values. It uses the parts of d3-scale, because d3-scale itself
 * brings the interpolation of colors: 12 KiB of the Worker, gzipped.
 *
 * @param count about how many ticks
 */
export const linearScale = (
  domain: readonly [number, number],
  [start, end]: readonly [number, number],
  count: number,
): LinearScale => {
  const [low, high] = nice(domain[0], domain[1], count);
  const at = (value: number): number => start + ((value - low) / (high - low)) * (end - start);
  const digits = Math.max(0, -Math.floor(Math.log10(tickStep(low, high, count))));
  return {
    at,
    ticks: ticks(low, high, count).map((value) => ({ value, at: at(value), label: value.toFixed(digits) })),
  };
};

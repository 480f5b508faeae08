import { dateText } from '../date-words.ts';
import { AREA, type Tick } from './frame.tsx';

/** Days between two labels. */
const LABELLED_DAYS = 7;

/** Where UTC days, `YYYY-MM-DD` and oldest first, stand across a plot: all have the same width. */
export const dayAxis = (days: readonly string[]) => {
  const width = (AREA.right - AREA.left) / days.length;
  const left = (index: number): number => AREA.left + index * width;
  const ticks: Tick[] = days
    .map((day, index) => ({ at: left(index) + width / 2, label: dayLabel(day) }))
    .filter((_, index) => (days.length - 1 - index) % LABELLED_DAYS === 0);
  return { width, left, ticks };
};

export const dayLabel = (day: string): string => dateText(Date.parse(day), { day: 'numeric', month: 'short' });

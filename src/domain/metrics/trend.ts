import { DAY_MS, type EpochMs } from '../time.ts';

/**
 * The days after which a new level makes up 63 % of the trend: about as long as water and meals hide a change of
 * weight.
 */
const SMOOTHED_DAYS = 7;

/**
 * The trend of values that vary from day to day: an exponentially weighted mean. What a value counts depends on the
 * time since the one before it, not on how many there are. So the first values after a pause soon replace what was
 * before it.
 *
 * @param values oldest first
 */
export const trendOf = (values: readonly { at: EpochMs; value: number }[]): number[] => {
  const trend: number[] = [];
  for (const [index, { at, value }] of values.entries()) {
    const before = trend[index - 1];
    const days = (at - (values[index - 1]?.at ?? at)) / DAY_MS;
    const weight = before === undefined ? 1 : 1 - Math.exp(-days / SMOOTHED_DAYS);
    trend.push(before === undefined ? value : before + weight * (value - before));
  }
  return trend;
};

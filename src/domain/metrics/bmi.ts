/** One height of a user, in meters, and when it was measured (Unix seconds). */
export type HeightRecord = { measuredAtSeconds: number; heightM: number };

/** From the smallest newborn to beyond the tallest person; a height in centimeters or of 0 falls outside. */
export const LEAST_HEIGHT_M = 0.2;
export const MOST_HEIGHT_M = 3;

/** No one grows two centimeters in a month: of two heights that differ by more, the earlier one was a mistake. */
const CORRECTED_WITHIN_SECONDS = 31 * 86_400;
const MOST_GROWTH_M = 0.02;

/**
 * The heights for a BMI: possible heights of a person, without those that were corrected within a month (1.08 m, then
 * 1.80 m).
 *
 * @param heights sorted by time, oldest first
 */
export const usableHeights = <Height extends HeightRecord>(heights: readonly Height[]): Height[] => {
  const plausible = heights.filter(({ heightM }) => heightM >= LEAST_HEIGHT_M && heightM <= MOST_HEIGHT_M);
  return plausible.filter(({ measuredAtSeconds, heightM }) => {
    const until = measuredAtSeconds + CORRECTED_WITHIN_SECONDS;
    const settled = plausible.findLast((later) => later.measuredAtSeconds <= until);
    return settled === undefined || Math.abs(settled.heightM - heightM) <= MOST_GROWTH_M;
  });
};

/**
 * The height that counts for a weigh-in at `measuredAtSeconds`: the newest known by then, otherwise the oldest after
 * it. A height is usually typed in once, after the first weigh-ins.
 *
 * @param heights usable ones sorted by time, oldest first; of several at one moment the last counts.
 * @returns undefined when there is none.
 */
export const heightAt = <Height extends HeightRecord>(
  measuredAtSeconds: number,
  heights: readonly Height[],
): Height | undefined => heights.findLast((height) => height.measuredAtSeconds <= measuredAtSeconds) ?? heights[0];

/**
 * Body mass index in kg/m²: weight ÷ height², rounded half up to two decimals. A scale resolves 50 g or 100 g, which is
 * 0.02 to 0.03 kg/m²; more digits would be noise.
 *
 * @param weightKg as measured.
 * @param measuredAtSeconds when it was measured (Unix seconds).
 * @param heights usable ones sorted by time, oldest first.
 * @returns undefined without a height, or for a weight that is no positive number.
 */
export const bmiAt = (
  weightKg: number,
  measuredAtSeconds: number,
  heights: readonly HeightRecord[],
): number | undefined => {
  const height = heightAt(measuredAtSeconds, heights);
  if (height === undefined || !Number.isFinite(weightKg) || weightKg <= 0) return undefined;
  // In whole tenths of grams and of millimeters the only inexact step is one division. Its error cannot reach a
  // rounding boundary, so the last digit is exact.
  const weightTenthsOfGram = Math.round(weightKg * 1e4);
  const heightTenthsOfMillimetre = Math.round(height.heightM * 1e4);
  return Math.round((weightTenthsOfGram * 1e6) / heightTenthsOfMillimetre ** 2) / 100;
};

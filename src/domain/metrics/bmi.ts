/** One height of a user, in meters, and when it was measured (Unix seconds). */
export type HeightRecord = { measuredAtSeconds: number; heightM: number };

/** From the smallest newborn to beyond the tallest person. A height in centimeters or of 0 is outside. */
const isPlausibleHeight = (heightM: number): boolean => heightM >= 0.2 && heightM <= 3;

/**
 * The height for a weigh-in at `measuredAtSeconds`: the newest known by then, else the oldest after it, because users
 * usually type in a height once, after the first weigh-ins. Implausible heights do not count.
 *
 * @param heights sorted by time, oldest first; of several at one moment the last counts
 * @returns undefined if there is none
 */
export const heightAt = <Height extends HeightRecord>(
  measuredAtSeconds: number,
  heights: readonly Height[],
): Height | undefined => {
  const plausible = heights.filter(({ heightM }) => isPlausibleHeight(heightM));
  return plausible.findLast((height) => height.measuredAtSeconds <= measuredAtSeconds) ?? plausible[0];
};

/**
 * Body mass index in kg/m²: weight ÷ height², rounded half up to two decimals. A scale resolves 50 g or 100 g, which is
 * 0.02 to 0.03 kg/m²; more digits would be noise.
 *
 * @param weightKg as measured
 * @param measuredAtSeconds when it was measured (Unix seconds)
 * @param heights sorted by time, oldest first
 * @returns undefined without a usable height, or for a weight that is not a positive number
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

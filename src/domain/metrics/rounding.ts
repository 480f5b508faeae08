/** Digits that are the number's own: adding or dividing 20,000 floats disturbs those after. */
const SIGNIFICANT_DIGITS = 12;

/**
 * A number rounded to so many decimals, an exact half up: 1.005 to 1.01. `toFixed` rounds the binary number behind the digits, which for
 * that one is below the half.
 */
export const roundHalfUp = (value: number, decimals: number): number => {
  const scale = 10 ** decimals;
  return Math.round(Number((value * scale).toPrecision(SIGNIFICANT_DIGITS))) / scale;
};

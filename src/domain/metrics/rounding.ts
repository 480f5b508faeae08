/** Digits that are the number's own: adding or dividing 20,000 floats disturbs those after. */
const SIGNIFICANT_DIGITS = 12;

/**
 * Rounds to a number of decimals, an exact half up: 1.005 to 1.01. `toFixed` rounds the binary number, which is below
 * the half in this case.
 */
export const roundHalfUp = (value: number, decimals: number): number => {
  const scale = 10 ** decimals;
  return Math.round(Number((value * scale).toPrecision(SIGNIFICANT_DIGITS))) / scale;
};

/** What a scale computes about a body, in whole grams so that derived values are exact. */
export type Body = {
  weightG: number;
  fatG: number;
  muscleG: number;
  waterG: number;
  boneG: number;
  pulseBpm: number;
  /** Pulse wave velocity, mm/s. */
  pulseWaveMmPerS: number;
  vascularAgeYears: number;
  /** Electrodermal activity of both feet, thousandths of the score. */
  nerveScoreMilli: number;
  ageYears: number;
};

/** To ten grams, the resolution of the masses on the wire. */
const tens = (grams: number): number => Math.round(grams / 10) * 10;

/** A body of `weightG` grams and `fatPercent` percent fat. Absent values are in the proportions of the recordings. */
export const bodyOf = (weightG: number, fatPercent: number, known: Partial<Omit<Body, 'weightG'>> = {}): Body => {
  const fatG = known.fatG ?? tens((weightG * fatPercent) / 100);
  const leanG = weightG - fatG;
  const muscleG = known.muscleG ?? tens(leanG * 0.951);
  return {
    weightG,
    fatG,
    muscleG,
    waterG: known.waterG ?? tens(leanG * 0.674),
    boneG: known.boneG ?? tens(leanG * 0.049),
    pulseBpm: known.pulseBpm ?? 64,
    pulseWaveMmPerS: known.pulseWaveMmPerS ?? 7100,
    vascularAgeYears: known.vascularAgeYears ?? 41,
    nerveScoreMilli: known.nerveScoreMilli ?? 68_000,
    ageYears: known.ageYears ?? 40,
  };
};

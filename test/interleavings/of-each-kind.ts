/** A weight, a blood pressure and a temperature, measured and stored at this moment (Unix seconds). */
export const groupOfEachKind = (now: number) => ({
  attrib: 0,
  category: 1,
  deviceid: null,
  measures: [1, 10, 71].map((type) => ({ type, value: 100, unit: 0 })),
  date: now,
  created: now,
  modified: now,
});

import type { Person } from '../../src/simulator/people/people.ts';

/** What the metrics API is to give, from what Withings has: plain, slow, and written without looking at the broker. */

/** The metrics that the model knows, by Withings' measure type. */
export const TYPES: Record<string, number> = {
  weight: 1,
  fat_ratio: 6,
  fat_mass: 8,
  fat_free_mass: 5,
  heart_pulse: 11,
  height: 4,
  pulse_wave_velocity: 91,
};

/** One value of the whole body. */
export type ModelValue = {
  metric: string;
  group: number;
  date: number;
  doubtful: boolean;
  value: number;
  /** Its local day there. */
  day: string;
  /** Whether it was not measured. */
  filledIn: boolean;
};

/** A measure as it is sent, which may be broken. */
type Sent = { type: number; value: unknown; unit: number; position?: number };

const WHOLE_BODY = [undefined, 7];

/** Every value of the whole body that Withings has of a person, and the BMIs that follow. */
export const modelOf = (person: Person): ModelValue[] => {
  const groups = person.groups.all().filter(({ category }) => category === 1);
  const valuesOf = (metric: string, type: number): ModelValue[] =>
    groups.flatMap(({ grpid, date, attrib, timezone, measures, distortion }) => {
      const sent = (distortion?.instead?.['measures'] ?? measures) as readonly Sent[];
      const read = (of: number) => {
        // A pulse is the person's wherever it was felt.
        const found = sent.find((one) => one.type === of && (of === 11 || WHOLE_BODY.includes(one.position)));
        return typeof found?.value === 'number' ? Number(`${found.value}e${found.unit}`) : undefined;
      };
      const value = read(type);
      if (value === undefined) return [];
      const filledIn = value === 0 || (type === 5 && value === read(1));
      const day = new Intl.DateTimeFormat('en-CA', { timeZone: timezone ?? person.timezone }).format(date * 1000);
      return [{ metric, group: grpid, date, doubtful: attrib === 1, value, day, filledIn }];
    });
  const rows = Object.entries(TYPES).flatMap(([metric, type]) => valuesOf(metric, type));
  const of = (metric: string) => rows.filter((one) => one.metric === metric);
  const heights = of('height')
    .filter(({ doubtful }) => !doubtful)
    .toSorted((a, b) => a.date - b.date || a.group - b.group);
  // All heights are of one month: what is not the newest one, to two centimeters, was corrected.
  const usable = heights.filter(({ value }) => Math.abs(value - (heights.at(-1)?.value ?? 0)) <= 0.02);
  const bmis = of('weight')
    .filter(({ filledIn }) => !filledIn)
    .flatMap((weight) => {
      const height = usable.findLast(({ date }) => date <= weight.date) ?? usable[0];
      if (height === undefined) return [];
      return { ...weight, metric: 'bmi', value: Math.round((weight.value / height.value ** 2) * 100) / 100 };
    });
  return [...rows, ...bmis];
};

/** What figures are made of: what was measured, certainly of this person. */
export const countedOf = (values: readonly ModelValue[]): ModelValue[] =>
  values.filter(({ doubtful, filledIn }) => !doubtful && !filledIn);

/** The newest value of each metric that was measured by `now`. */
export const latestOf = (values: readonly ModelValue[], now: number): Record<string, [group: number, date: number]> => {
  const past = countedOf(values)
    .filter(({ date }) => date <= now)
    .toSorted((a, b) => a.date - b.date || a.group - b.group);
  return Object.fromEntries(past.map(({ metric, group, date }) => [metric, [group, date]]));
};

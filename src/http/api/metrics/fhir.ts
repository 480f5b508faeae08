import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import {
  type BloodPressure,
  bloodPressureOf,
  type FhirContext,
  observationOf,
  type Resource,
} from './fhir-observation.ts';
import type { Units } from './json.ts';

/**
 * Body data as HL7 FHIR R4 (https://hl7.org/fhir/R4): a searchset Bundle of Observations.
 */

/** Where the answer is. */
type BundleContext = FhirContext & {
  /** The user's metrics, absolute and without a query. */
  baseUrl: string;
  /** This page. */
  selfUrl: string;
  nextUrl: string | undefined;
};

export const asFhirBundle = (values: readonly MetricValue[], units: Units, context: BundleContext) => ({
  resourceType: 'Bundle',
  type: 'searchset',
  link: [
    { relation: 'self', url: context.selfUrl },
    ...(context.nextUrl === undefined ? [] : [{ relation: 'next', url: context.nextUrl }]),
  ],
  // The JSON form of FHIR has no empty arrays.
  ...(values.length > 0 && {
    entry: observationsOf(values, units, context).map((resource) => ({
      fullUrl: `${context.baseUrl}/Observation/${resource.id}`,
      resource,
      search: { mode: 'match' },
    })),
  }),
});

/** One Observation a value, but for the two values of a blood pressure, which are one. */
const observationsOf = (values: readonly MetricValue[], units: Units, context: FhirContext): Resource[] => {
  const pairs = pairsOf(values);
  return values.flatMap((value) => {
    const pair = pairs.get(value);
    if (pair === undefined) return [observationOf(value, units, context)];
    // The pair stands where its first value does.
    return value === pair.first ? [bloodPressureOf(pair, units, context)] : [];
  });
};

const PRESSURES: ReadonlySet<string> = new Set(['systolic_blood_pressure', 'diastolic_blood_pressure']);

/**
 * The pairs of blood pressures, by each of the two values. A pair at the end of a page may be cut. Then its values are
 * Observations of their own, because two versions of a panel would have the same id.
 */
const pairsOf = (values: readonly MetricValue[]): Map<MetricValue, BloodPressure> => {
  const byGroup = Map.groupBy(
    values.filter(({ name }) => PRESSURES.has(name)),
    ({ groupId, position }) => `${groupId} ${position}`,
  );
  const pairs = new Map<MetricValue, BloodPressure>();
  for (const [first, second, ...more] of byGroup.values()) {
    if (first === undefined || second === undefined || more.length > 0 || first.name === second.name) continue;
    const [systolic, diastolic] = first.name.startsWith('systolic') ? [first, second] : [second, first];
    for (const value of [first, second]) pairs.set(value, { first, systolic, diastolic });
  }
  return pairs;
};

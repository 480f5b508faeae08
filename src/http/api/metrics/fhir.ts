import { toRfc3339 } from '../../../domain/metrics/local-time.ts';
import { WHOLE_BODY } from '../../../domain/metrics/measurement.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { metricByName } from '../../../domain/metrics/metric.ts';
import { inUnits, segmentOf, type Units } from './json.ts';

/**
 * Body data as HL7 FHIR R4 (https://hl7.org/fhir/R4): a searchset Bundle of Observations, coded in LOINC where the catalogue has a code and
 * by Withings' measure type beside it, in UCUM units, each at its moment with the user's offset.
 */

const LOINC = 'http://loinc.org';
const UCUM = 'http://unitsofmeasure.org';
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const METRIC_NAME = 'urn:mushu:metric';
const WITHINGS_TYPE = 'urn:mushu:withings-measure-type';

/** Whom and where the answer is about. */
export type FhirContext = {
  /** The user's metrics, absolute and without a query. */
  baseUrl: string;
  /** This page. */
  selfUrl: string;
  nextUrl: string | undefined;
  appId: string;
  userId: string;
};

export const asFhirBundle = (values: readonly MetricValue[], units: Units, context: FhirContext) => ({
  resourceType: 'Bundle',
  type: 'searchset',
  link: [
    { relation: 'self', url: context.selfUrl },
    ...(context.nextUrl === undefined ? [] : [{ relation: 'next', url: context.nextUrl }]),
  ],
  // The JSON form of FHIR has no empty arrays.
  ...(values.length > 0 && {
    entry: values.map((value) => ({
      fullUrl: `${context.baseUrl}/Observation/${idOf(value)}`,
      resource: observationOf(value, units, context),
      search: { mode: 'match' },
    })),
  }),
});

/** The same value has the same id in every answer; of letters, digits, `-` and `.` only, as FHIR has it. */
const idOf = ({ groupId, name, position }: Pick<MetricValue, 'groupId' | 'name' | 'position'>): string =>
  [groupId, name.replaceAll('_', '-'), ...(position === WHOLE_BODY ? [] : [position])].join('.');

/** Metrics that FHIR counts as vital signs beside those of the catalogue's group (R4, "Vital Signs Profile"). */
const VITAL_SIGNS: ReadonlySet<string> = new Set(['weight', 'height', 'bmi']);

const observationOf = (one: MetricValue, units: Units, { appId, userId }: FhirContext) => {
  const isVitalSign = one.metric?.group === 'vitals' || VITAL_SIGNS.has(one.name);
  const segment = segmentOf(one.position);
  return {
    resourceType: 'Observation',
    id: idOf(one),
    // What may be another person's is not this person's result yet.
    status: one.attribution === 'ambiguous' ? 'preliminary' : 'final',
    category: [{ coding: [{ system: CATEGORY, code: isVitalSign ? 'vital-signs' : 'exam' }] }],
    code: codeOf(one),
    subject: { identifier: { system: `urn:mushu:app:${appId}`, value: userId } },
    effectiveDateTime: toRfc3339(one.measuredAtSeconds, one.timeZone),
    valueQuantity: quantityOf(one, units),
    ...(segment !== undefined && { bodySite: { text: segment } }),
    method: { text: one.attribution },
    ...(one.device !== null && { device: deviceOf(one.device, one.deviceHash) }),
    ...(one.derivedFrom.length > 0 && {
      derivedFrom: one.derivedFrom.map(({ name, groupId }) => ({
        reference: `Observation/${idOf({ name, groupId, position: WHOLE_BODY })}`,
        display: name,
      })),
      note: [{ text: `Computed from ${one.derivedFrom.map(({ name }) => name).join(' and ')}, not measured.` }],
    }),
  };
};

const codeOf = ({ name, metric }: MetricValue) => {
  const type = metric === undefined ? name.replace('withings_', '') : metric.withingsType;
  return {
    coding: [
      ...(metric?.loinc === undefined ? [] : [{ system: LOINC, ...metric.loinc }]),
      { system: METRIC_NAME, code: name },
      ...(type === undefined ? [] : [{ system: WITHINGS_TYPE, code: String(type) }]),
    ],
    text: metric?.description ?? name,
  };
};

const quantityOf = ({ name, metric, value }: MetricValue, units: Units) => {
  const shown = inUnits(metric, value, units);
  const catalogued = metricByName(name);
  const ucum = units === 'imperial' ? (catalogued?.imperial?.ucum ?? catalogued?.ucum) : catalogued?.ucum;
  return {
    value: shown.value,
    ...(shown.unit !== '' && { unit: shown.unit }),
    ...(ucum !== undefined && { system: UCUM, code: ucum }),
  };
};

const deviceOf = (model: string, hash: string | null) => ({
  display: model,
  ...(hash !== null && { identifier: { system: 'urn:mushu:device', value: hash } }),
});

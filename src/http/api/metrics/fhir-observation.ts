import type { AppId } from '../../../domain/app-id.ts';
import { toRfc3339 } from '../../../domain/metrics/local-time.ts';
import { WHOLE_BODY } from '../../../domain/metrics/measurement.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { SECOND_MS } from '../../../domain/time.ts';
import type { UserId } from '../../../domain/user-id.ts';
import { instant } from '../instant.ts';
import { inUnits, segmentOf, type Units } from './json.ts';

/**
 * Values as FHIR R4 Observations, coded in LOINC if the catalog has a code, with Withings' measure type beside it.
 * Units are UCUM's. Each has its time with the user's offset. Vital signs follow R4's profiles
 * (https://hl7.org/fhir/R4/observation-vitalsigns.html), which bind every Observation with their code, whatever `meta`
 * says.
 */

const LOINC = 'http://loinc.org';
const UCUM = 'http://unitsofmeasure.org';
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const PROFILE = 'http://hl7.org/fhir/StructureDefinition/';
const METRIC_NAME = 'urn:mushu:metric';
const WITHINGS_TYPE = 'urn:mushu:withings-measure-type';

/** The profiles of vital signs, by metric. A half blood pressure is a vital sign without a profile of its own. */
const VITAL_SIGNS: Partial<Record<string, string>> = {
  weight: 'bodyweight',
  height: 'bodyheight',
  bmi: 'bmi',
  heart_pulse: 'heartrate',
  spo2: 'oxygensat',
  body_temperature: 'bodytemp',
  systolic_blood_pressure: 'vitalsigns',
  diastolic_blood_pressure: 'vitalsigns',
};

/** Codes that a profile wants before the catalog's own, which is more exact. */
const PROFILE_CODES: Partial<Record<string, { code: string; display: string }>> = {
  spo2: { code: '2708-6', display: 'Oxygen saturation in Arterial blood' },
};
const BLOOD_PRESSURE = { code: '85354-9', display: 'Blood pressure panel with all children optional' };

/** Metrics whose values are codes of Withings': they measure nothing. */
const CODED: ReadonlySet<string> = new Set(['afib_result_ecg', 'afib_result_ppg']);

/** Whom an Observation is about. */
export type FhirContext = { appId: AppId; userId: UserId };

export type Resource = { resourceType: string; id: string; [field: string]: unknown };

/** The two values of one blood pressure. */
export type BloodPressure = { first: MetricValue; systolic: MetricValue; diastolic: MetricValue };

export const observationOf = (one: MetricValue, units: Units, context: FhirContext): Resource => {
  const segment = segmentOf(one.position);
  return {
    ...commonOf(one, idOf(one), VITAL_SIGNS[one.name], context),
    code: codeOf(one),
    ...valueOf(one, units),
    ...(segment !== undefined && { bodySite: { text: segment } }),
    ...(one.derivedFrom.length > 0 && {
      derivedFrom: one.derivedFrom.map(({ name, groupId }) => ({
        reference: `Observation/${idOf({ name, groupId, position: WHOLE_BODY })}`,
        display: name,
      })),
      note: [{ text: `Computed from ${one.derivedFrom.map(({ name }) => name).join(' and ')}, not measured.` }],
    }),
  };
};

export const bloodPressureOf = (
  { systolic, diastolic }: BloodPressure,
  units: Units,
  context: FhirContext,
): Resource => ({
  ...commonOf(systolic, idOf({ ...systolic, name: 'blood_pressure' }), 'bp', context),
  code: { coding: [{ system: LOINC, ...BLOOD_PRESSURE }], text: 'Blood pressure' },
  component: [systolic, diastolic].map((one) => ({ code: codeOf(one), ...valueOf(one, units) })),
});

/** The common part of all Observations. Person and device are contained resources, because they have no URL here. */
const commonOf = (one: MetricValue, id: string, profile: string | undefined, { appId, userId }: FhirContext) => {
  const user = { system: `urn:mushu:app:${appId}`, value: userId };
  const device = deviceOf(one);
  return {
    resourceType: 'Observation' as const,
    id,
    ...(profile !== undefined && { meta: { profile: [PROFILE + profile] } }),
    contained: [
      { resourceType: 'Patient', id: 'patient', identifier: [user] },
      ...(device === undefined ? [] : [device]),
    ],
    identifier: [{ system: `${user.system}:observation`, value: `${userId}/${id}` }],
    // What may be another person's is not this person's result yet.
    status: one.attribution === 'ambiguous' ? 'preliminary' : 'final',
    category: [{ coding: [{ system: CATEGORY, code: profile === undefined ? 'exam' : 'vital-signs' }] }],
    subject: { reference: '#patient', identifier: user },
    effectiveDateTime: toRfc3339(one.measuredAtSeconds, one.timeZone),
    // There is no review before a value is available.
    issued: instant(one.measuredAtSeconds * SECOND_MS),
    method: { text: one.attribution },
    ...(device !== undefined && { device: { reference: `#${device.id}`, display: one.device } }),
  };
};

const deviceOf = ({ device, deviceHash }: MetricValue) =>
  device === null
    ? undefined
    : {
        resourceType: 'Device',
        id: 'device',
        ...(deviceHash !== null && { identifier: [{ system: 'urn:mushu:device', value: deviceHash }] }),
        manufacturer: 'Withings',
        deviceName: [{ name: device, type: 'model-name' }],
      };

/** The same value has the same id in every answer; of letters, digits, `-` and `.` only, as FHIR has it. */
const idOf = ({ groupId, name, position }: Pick<MetricValue, 'groupId' | 'name' | 'position'>): string =>
  [groupId, name.replaceAll('_', '-'), ...(position === WHOLE_BODY ? [] : [position])].join('.');

const codeOf = ({ name, metric }: MetricValue) => {
  const type = metric === undefined ? name.replace('withings_', '') : metric.withingsType;
  const codes = [PROFILE_CODES[name], metric?.loinc].filter((code) => code !== undefined);
  return {
    coding: [
      ...codes.map((code) => ({ system: LOINC, ...code })),
      { system: METRIC_NAME, code: name },
      ...(type === undefined ? [] : [{ system: WITHINGS_TYPE, code: String(type) }]),
    ],
    text: metric?.description ?? name,
  };
};

const valueOf = ({ name, metric, value }: MetricValue, units: Units) => {
  if (CODED.has(name)) {
    const system = `${WITHINGS_TYPE}:${metric?.withingsType ?? ''}`;
    return { valueCodeableConcept: { coding: [{ system, code: String(value) }] } };
  }
  // The profile of a body height has no meters.
  if (name === 'height' && units === 'metric') {
    return { valueQuantity: { value: Number((value * 100).toFixed(4)), unit: 'cm', system: UCUM, code: 'cm' } };
  }
  const shown = inUnits(metric, value, units);
  const ucum = units === 'imperial' ? (metric?.imperial?.ucum ?? metric?.ucum) : metric?.ucum;
  return {
    valueQuantity: {
      value: shown.value,
      ...(shown.unit !== '' && { unit: shown.unit }),
      ...(ucum !== undefined && { system: UCUM, code: ucum }),
    },
  };
};

import { describe, expect, test } from 'vitest';

import { asAppId } from '../../src/domain/app-id.ts';
import { attributionOf, interpretGroup } from '../../src/domain/metrics/measurement.ts';
import type { MetricValue } from '../../src/domain/metrics/metric-value.ts';
import { METRICS, metricByName, metricByType } from '../../src/domain/metrics/metric.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import { asFhirBundle } from '../../src/http/api/metrics/fhir.ts';
import { processMeasureResponse } from '../../src/withings/measure.ts';
import bodyScan from '../fixtures/getmeas-body-scan.json' with { type: 'json' };
import { validator } from './fhir-validator.ts';
import { faultsOf } from './vital-signs.ts';

const context = {
  baseUrl: 'https://broker.example.com/apps/app_1/metrics/auth0%7C5f7c',
  selfUrl: 'https://broker.example.com/apps/app_1/metrics/auth0%7C5f7c?metric=all',
  nextUrl: 'https://broker.example.com/apps/app_1/metrics/auth0%7C5f7c?metric=all&cursor=x',
  appId: asAppId('app_1'),
  userId: asUserId('auth0|5f7c'),
};

const valueOf = (name: string, more: Partial<MetricValue> = {}): MetricValue => ({
  name,
  metric: metricByName(name),
  value: 71.25,
  measuredAtSeconds: 1_735_712_420,
  timeZone: 'Pacific/Kiritimati',
  groupId: 6_712_345_001,
  position: -1,
  derivedFrom: [],
  device: 'Body Scan',
  deviceHash: '0123456789abcdef',
  attribution: 'device',
  attrib: 0,
  ...more,
});

const bmi = valueOf('bmi', {
  derivedFrom: [
    { name: 'weight', groupId: 6_712_345_001 },
    { name: 'height', groupId: 7 },
  ],
});

test('the validator is one that objects', () => {
  const broken = asFhirBundle([valueOf('weight')], 'metric', context);
  const [entry] = broken.entry ?? [];
  expect(validator.validate({ ...broken, type: 'heap' })).not.toEqual([]);
  expect(validator.validate({ ...entry?.resource, status: 'certain' })).not.toEqual([]);
  expect(validator.validate({ ...entry?.resource, effectiveDateTime: '27/01/2024' })).not.toEqual([]);
});

describe('is valid FHIR R4', () => {
  test.each([...METRICS.map(({ name }) => name), 'withings_999'])('%s, in either system of units', (name) => {
    for (const units of ['metric', 'imperial'] as const) {
      const [entry] = asFhirBundle([valueOf(name)], units, context).entry ?? [];
      expect(validator.validate(entry?.resource)).toEqual([]);
    }
  });

  test.each([
    ['an empty page', []],
    ['a BMI', [bmi]],
    ['a segment', [valueOf('muscle_mass_segment', { position: 3 })]],
    ['what was typed in', [valueOf('weight', { device: null, deviceHash: null, attribution: 'manual' })]],
    ['a visitor’s', [valueOf('weight', { attribution: 'ambiguous' })]],
  ] as const)('a bundle of %s', (_, values) => {
    expect(validator.validate(asFhirBundle(values, 'metric', context))).toEqual([]);
    expect(validator.validate(asFhirBundle(values, 'metric', { ...context, nextUrl: undefined }))).toEqual([]);
  });

  test('a recorded Body Scan weigh-in', () => {
    const page = processMeasureResponse({ httpStatus: 200, text: JSON.stringify(bodyScan) });
    if (!page.ok) throw new Error('not read');
    const values = page.value.groups.flatMap((group) => {
      const read = interpretGroup(group);
      return (read?.values ?? []).map(({ type, position, value }) => {
        const name = metricByType(type)?.name ?? `withings_${type}`;
        return valueOf(name, { value, position, groupId: group.groupId, attribution: attributionOf(group.attrib) });
      });
    });
    expect(values.length).toBeGreaterThan(20);
    const bundle = asFhirBundle(values, 'metric', context);
    expect(validator.validate(bundle)).toEqual([]);
    const urls = (bundle.entry ?? []).map(({ fullUrl }) => fullUrl);
    expect(new Set(urls).size).toBe(urls.length);
  });
});

test('an observation says what, when, by what, and in which units', () => {
  const [entry] = asFhirBundle([valueOf('weight')], 'metric', context).entry ?? [];
  expect(entry?.resource).toMatchObject({
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }, { code: 'weight' }, { code: '1' }] },
    effectiveDateTime: '2025-01-01T20:20:20+14:00',
    valueQuantity: { value: 71.25, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
    device: { reference: '#device', display: 'Body Scan' },
    issued: '2025-01-01T06:20:20.000Z',
    subject: { identifier: { value: 'auth0|5f7c' } },
  });
  const [pounds] = asFhirBundle([valueOf('weight')], 'imperial', context).entry ?? [];
  expect(pounds?.resource['valueQuantity']).toMatchObject({ value: 157.079, code: '[lb_av]' });
});

test('a BMI refers to the weight and the height it was computed from', () => {
  const [entry] = asFhirBundle([bmi], 'metric', context).entry ?? [];
  expect(entry?.resource['derivedFrom']).toEqual([
    { reference: 'Observation/6712345001.weight', display: 'weight' },
    { reference: 'Observation/7.height', display: 'height' },
  ]);
});

test('what may be another person’s is preliminary', () => {
  const [entry] = asFhirBundle([valueOf('weight', { attribution: 'ambiguous' })], 'metric', context).entry ?? [];
  expect(entry?.resource['status']).toBe('preliminary');
});

const observations = (values: readonly MetricValue[], units: 'metric' | 'imperial') =>
  (asFhirBundle(values, units, context).entry ?? []).map(({ resource }) => resource);

const pressure = [
  valueOf('diastolic_blood_pressure', { value: 80 }),
  valueOf('heart_pulse', { value: 60 }),
  valueOf('systolic_blood_pressure', { value: 121 }),
];

describe('keeps R4’s vital signs profiles', () => {
  test.each([...METRICS.map(({ name }) => name), 'withings_999'])('%s, in either system of units', (name) => {
    for (const units of ['metric', 'imperial'] as const) {
      for (const one of observations([valueOf(name)], units)) expect(faultsOf(one), units).toEqual([]);
    }
  });

  test('a blood pressure is one panel of two components, where its first value stood', () => {
    for (const units of ['metric', 'imperial'] as const) {
      const all = observations(pressure, units);
      expect(all.map(({ id }) => id)).toEqual(['6712345001.blood-pressure', '6712345001.heart-pulse']);
      for (const one of all) expect(faultsOf(one)).toEqual([]);
      expect(validator.validate(asFhirBundle(pressure, units, context))).toEqual([]);
      expect(all[0]).toMatchObject({
        code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
        component: [{ valueQuantity: { value: 121, code: 'mm[Hg]' } }, { valueQuantity: { value: 80 } }],
      });
    }
  });

  test('two pressures of different moments, or half of one, are no panel', () => {
    const [diastolic = valueOf('weight'), , systolic = valueOf('weight')] = pressure;
    for (const values of [[diastolic], [systolic, { ...diastolic, groupId: 7 }]]) {
      const all = observations(values, 'metric');
      expect(all.map(({ code }) => JSON.stringify(code)).join()).not.toContain('85354-9');
      expect(all).toHaveLength(values.length);
      for (const one of all) expect(faultsOf(one)).toEqual([]);
    }
  });

  test('the check is one that objects: to a unit, a code, a component, a claim', () => {
    const [height, spo2, panel] = ['height', 'spo2'].flatMap((name) => observations([valueOf(name)], 'metric'));
    const [whole] = observations(pressure, 'metric');
    expect(panel).toBeUndefined();
    expect(faultsOf({ ...height, valueQuantity: { value: 1.8, unit: 'm', system: 'x', code: 'm' } }).join()).toMatch(
      /m is not bound/,
    );
    expect(faultsOf({ ...spo2, code: { coding: [{ system: 'http://loinc.org', code: '59408-5' }] } }).join()).toMatch(
      /OxygenSatCode/,
    );
    expect(faultsOf({ ...whole, component: [] }).join()).toMatch(/SystolicBP/);
    expect(faultsOf({ ...height, meta: {} }).join()).toMatch(/does not claim/);
    expect(faultsOf({ ...height, category: [{ coding: [{ code: 'exam' }] }] }).join()).toMatch(/VSCat/);
  });
});

test('a height is in centimeters, to the digit that was measured', () => {
  const [height] = observations([valueOf('height', { value: 1.805 })], 'metric');
  expect(height?.['valueQuantity']).toEqual({
    value: 180.5,
    unit: 'cm',
    system: 'http://unitsofmeasure.org',
    code: 'cm',
  });
  const [inches] = observations([valueOf('height', { value: 1.805 })], 'imperial');
  expect(inches?.['valueQuantity']).toMatchObject({ value: 71.06, code: '[in_i]' });
});

test('a value that is a code is one, with the list that it is from', () => {
  const [afib] = observations([valueOf('afib_result_ecg', { value: 3 })], 'metric');
  expect(afib?.['valueCodeableConcept']).toEqual({
    coding: [{ system: 'urn:mushu:withings-measure-type:130', code: '3' }],
  });
  expect(afib?.['valueQuantity']).toBeUndefined();
});

test.each(['Körperwaage "2"', null])(
  'whom and what an observation refers to is in it, with a device named %s',
  (device) => {
    const bundle = asFhirBundle([valueOf('weight', { device, deviceHash: device })], 'metric', context);
    expect(validator.validate(bundle)).toEqual([]);
    const [resource] = (bundle.entry ?? []).map((entry) => entry.resource);
    const contained = resource?.['contained'] as { resourceType: string; id: string }[];
    for (const field of ['subject', 'device']) {
      const { reference } = (resource?.[field] ?? {}) as { reference?: string };
      if (reference !== undefined) expect(contained.map(({ id }) => `#${id}`)).toContain(reference);
    }
    expect(contained.map(({ resourceType }) => resourceType)).toEqual(
      device === null ? ['Patient'] : ['Patient', 'Device'],
    );
  },
);

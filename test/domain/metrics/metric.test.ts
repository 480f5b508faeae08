import { describe, expect, test } from 'vitest';

import {
  METRICS,
  metricByName,
  metricByType,
  toImperial,
  unknownMetricName,
  unknownMetricType,
} from '../../../src/domain/metrics/metric.ts';

/** Every type of the Withings reference and those that clients have seen. */
const TYPES: [type: number, name: string, unit: string][] = [
  [1, 'weight', 'kg'],
  [4, 'height', 'm'],
  [5, 'fat_free_mass', 'kg'],
  [6, 'fat_ratio', '%'],
  [8, 'fat_mass', 'kg'],
  [9, 'diastolic_blood_pressure', 'mmHg'],
  [10, 'systolic_blood_pressure', 'mmHg'],
  [11, 'heart_pulse', 'bpm'],
  [12, 'temperature', '°C'],
  [54, 'spo2', '%'],
  [71, 'body_temperature', '°C'],
  [73, 'skin_temperature', '°C'],
  [76, 'muscle_mass', 'kg'],
  [77, 'hydration', 'kg'],
  [88, 'bone_mass', 'kg'],
  [91, 'pulse_wave_velocity', 'm/s'],
  [123, 'vo2_max', 'ml/min/kg'],
  [130, 'afib_result_ecg', ''],
  [135, 'qrs_interval', ''],
  [136, 'pr_interval', ''],
  [137, 'qt_interval', ''],
  [138, 'corrected_qt_interval', ''],
  [139, 'afib_result_ppg', ''],
  [147, 'urinary_ph', ''],
  [148, 'urine_specific_gravity', ''],
  [151, 'urinary_nitrites', 'µmol/L'],
  [155, 'vascular_age', 'years'],
  [158, 'nerve_health_left_foot', ''],
  [159, 'nerve_health_right_foot', ''],
  [167, 'nerve_health_score_feet', ''],
  [168, 'extracellular_water', 'kg'],
  [169, 'intracellular_water', 'kg'],
  [170, 'visceral_fat', ''],
  [173, 'fat_free_mass_segment', 'kg'],
  [174, 'fat_mass_segment', 'kg'],
  [175, 'muscle_mass_segment', 'kg'],
  [196, 'electrodermal_activity_feet', ''],
  [197, 'electrodermal_activity_left_foot', ''],
  [198, 'electrodermal_activity_right_foot', ''],
  [204, 'urinary_ketones', 'mmol/L'],
  [205, 'urinary_vitamin_c', 'mmol/L'],
  [226, 'basal_metabolic_rate', 'kcal'],
  [227, 'metabolic_age', 'years'],
  [229, 'electrochemical_skin_conductance', ''],
  [248, 'urinary_calcium', 'mmol/L'],
  [249, 'urinary_creatinine', 'mmol/L'],
  [251, 'urinary_calcium_creatinine_ratio', 'mmol/mmol'],
];

describe('the catalog', () => {
  test.each(TYPES)('knows type %i as %s in %j', (type, name, unit) => {
    expect(metricByType(type)).toMatchObject({ name, unit, withingsType: type, derived: false });
    expect(metricByName(name)).toBe(metricByType(type));
  });

  test('holds those types and BMI, and nothing else', () => {
    expect(METRICS.map(({ name }) => name).toSorted()).toEqual(['bmi', ...TYPES.map(([, name]) => name)].toSorted());
  });

  test('knows BMI as derived, in kg/m², without a Withings type', () => {
    expect(metricByName('bmi')).toMatchObject({
      unit: 'kg/m²',
      ucum: 'kg/m2',
      withingsType: undefined,
      derived: true,
      group: 'body_composition',
      loinc: { code: '39156-5', display: 'Body mass index (BMI) [Ratio]' },
      healthKit: 'HKQuantityTypeIdentifierBodyMassIndex',
    });
  });

  test('has no metric for a name or type that nobody named', () => {
    expect(metricByName('withings_1')).toBeUndefined();
    expect(metricByName('constructor')).toBeUndefined();
    expect(metricByType(999)).toBeUndefined();
  });

  test('marks exactly the three segment types as segments', () => {
    expect(METRICS.filter(({ segment }) => segment).map(({ withingsType }) => withingsType)).toEqual([173, 174, 175]);
  });

  test('counts what a scale tells of the body as body composition, and blood pressure as vitals', () => {
    const namesOf = (group: string) =>
      METRICS.filter((metric) => metric.group === group).map(({ withingsType }) => withingsType);
    expect(namesOf('body_composition')).toEqual([
      1,
      undefined,
      5,
      6,
      8,
      76,
      77,
      88,
      168,
      169,
      170,
      173,
      174,
      175,
      226,
      227,
    ]);
    expect(namesOf('vitals')).toEqual([9, 10, 11, 54, 71, 73]);
  });

  test('states no UCUM unit where the value is a code or Withings states no unit', () => {
    const withoutUcum = METRICS.filter(({ ucum }) => ucum === undefined).map(({ name }) => name);
    const withoutUnit = TYPES.filter(([, , unit]) => unit === '').map(([, name]) => name);
    const dimensionless = ['urinary_ph', 'urine_specific_gravity', 'visceral_fat'];
    expect(withoutUcum).toEqual(withoutUnit.filter((name) => !dimensionless.includes(name)));
    expect(metricByName('visceral_fat')?.ucum).toBe('1');
    expect(metricByName('systolic_blood_pressure')?.ucum).toBe('mm[Hg]');
    expect(metricByName('heart_pulse')?.ucum).toBe('/min');
  });

  test('gives every LOINC code once, well formed and with a right check digit', () => {
    const codes = METRICS.flatMap(({ loinc }) => (loinc ? [loinc.code] : []));
    expect(codes).toHaveLength(19);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) {
      expect(code).toMatch(/^\d{4,6}-\d$/);
      expect(luhnDigit(code.split('-')[0] ?? ''), code).toBe(Number(code.at(-1)));
    }
  });

  test('gives every HealthKit identifier once and in full', () => {
    const identifiers = METRICS.flatMap(({ healthKit }) => healthKit ?? []);
    expect(identifiers).toHaveLength(11);
    expect(new Set(identifiers).size).toBe(identifiers.length);
    expect(identifiers.every((identifier) => /^HKQuantityTypeIdentifier[A-Z]\w+$/.test(identifier))).toBe(true);
  });
});

/** LOINC check digits are mod 10 (LOINC Users' Guide, appendix on the check digit). */
const luhnDigit = (digits: string): number => {
  const sum = Array.from(digits)
    .toReversed()
    .reduce((total, digit, index) => {
      const doubled = index % 2 === 0 ? Number(digit) * 2 : Number(digit);
      return total + Math.floor(doubled / 10) + (doubled % 10);
    }, 0);
  return (10 - (sum % 10)) % 10;
};

describe('types outside the catalog', () => {
  test.each(['withings_', 'withings_01', 'withings_-1', 'withings_1e3', 'withings_9999999999', 'weight', ''])(
    'have no number in %j',
    (name) => {
      expect(unknownMetricType(name)).toBeUndefined();
    },
  );

  test('are not to be had under the number of a known type', () => {
    expect(unknownMetricType(unknownMetricName(1))).toBeUndefined();
  });

  test('go by their number, there and back', () => {
    expect(unknownMetricName(999)).toBe('withings_999');
    expect(unknownMetricType('withings_999')).toBe(999);
    expect(unknownMetricType('withings_0')).toBe(0);
  });
});

describe('imperial units', () => {
  test.each([
    ['weight', 80.094, 176.577, 'lb'],
    ['height', 1.8, 70.87, 'in'],
    ['body_temperature', 37, 98.6, '°F'],
    ['skin_temperature', -40, -40, '°F'],
  ])('turn %s %d into %d %s', (name, metricValue, value, unit) => {
    const metric = metricByName(name);
    expect(metric && toImperial(metric, metricValue)).toEqual({ value, unit });
  });

  test('leave alone what has none', () => {
    const fatRatio = metricByName('fat_ratio');
    expect(fatRatio && toImperial(fatRatio, 19.818)).toEqual({ value: 19.818, unit: '%' });
  });
});

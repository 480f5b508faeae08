/**
 * The catalog of metrics, as data: every measure type that Withings names, and BMI, which the broker derives.
 *
 * A metric's name is its name in the API and never changes. A code of another vocabulary is listed only if it means the
 * same quantity; a near miss is worse than none.
 */

import { roundHalfUp } from './rounding.ts';

export type MetricGroup = 'body_composition' | 'vitals' | 'other';

/** A value in imperial units: `value × factor + offset`, rounded to `decimals`. */
export type ImperialUnit = {
  unit: string;
  ucum: string;
  factor: number;
  offset: number;
  decimals: number;
};

export type Metric = {
  name: string;
  /** The unit of every value of this metric; empty if it has none, or Withings does not state it. */
  unit: string;
  /** The same unit as a UCUM code; undefined for codes (AFib results) and if Withings states no unit. */
  ucum: string | undefined;
  /** Withings' measure type; undefined for derived metrics. */
  withingsType: number | undefined;
  loinc: { code: string; display: string } | undefined;
  /** The identifier of the HealthKit quantity type. HealthKit stores percentages as fractions: 23.4 % is 0.234. */
  healthKit: string | undefined;
  group: MetricGroup;
  description: string;
  /** Computed when it is read, never stored. */
  derived: boolean;
  /** A value of one body segment, which has no meaning without its position. */
  segment: boolean;
  imperial: ImperialUnit | undefined;
};

/** The units of the API and their UCUM codes (https://ucum.org/ucum). */
const UCUM = {
  '': '1',
  '%': '%',
  'kg/m²': 'kg/m2',
  // Only the basal metabolic rate has this unit. It is a rate: what a body at rest uses in a day.
  kcal: 'kcal/d',
  kg: 'kg',
  m: 'm',
  'm/s': 'm/s',
  mmHg: 'mm[Hg]',
  'ml/min/kg': 'mL/min/kg',
  'mmol/L': 'mmol/L',
  'mmol/mmol': 'mmol/mmol',
  'µmol/L': 'umol/L',
  bpm: '/min',
  years: 'a',
  '°C': 'Cel',
} as const;

/** Pound and inch are exact by definition (international yard and pound agreement, 1959). */
const IMPERIAL: Partial<Record<string, ImperialUnit>> = {
  kg: { unit: 'lb', ucum: '[lb_av]', factor: 1 / 0.45359237, offset: 0, decimals: 3 },
  m: { unit: 'in', ucum: '[in_i]', factor: 1 / 0.0254, offset: 0, decimals: 2 },
  '°C': { unit: '°F', ucum: '[degF]', factor: 1.8, offset: 32, decimals: 2 },
};

/** `unit` is null if the value is a code, or a number whose unit Withings does not state. */
type Row = [withingsType: number | undefined, name: string, unit: keyof typeof UCUM | null, description: string];

/** Source of types, names and units: the Withings API reference, "Measure - Getmeas". */
const BODY_COMPOSITION: Row[] = [
  [1, 'weight', 'kg', 'Body weight'],
  [undefined, 'bmi', 'kg/m²', 'Body mass index: weight divided by the square of the height known at that time'],
  [5, 'fat_free_mass', 'kg', 'Everything but fat: muscle, bone, water, organs'],
  [6, 'fat_ratio', '%', 'Fat mass as a percentage of weight'],
  [8, 'fat_mass', 'kg', 'Mass of body fat'],
  [76, 'muscle_mass', 'kg', 'Mass of muscle'],
  [77, 'hydration', 'kg', 'Mass of body water'],
  [88, 'bone_mass', 'kg', 'Mass of bone'],
  [168, 'extracellular_water', 'kg', 'Mass of the water outside cells'],
  [169, 'intracellular_water', 'kg', 'Mass of the water inside cells'],
  [170, 'visceral_fat', '', 'Visceral fat index'],
  [173, 'fat_free_mass_segment', 'kg', 'Fat-free mass of one body segment'],
  [174, 'fat_mass_segment', 'kg', 'Fat mass of one body segment'],
  [175, 'muscle_mass_segment', 'kg', 'Muscle mass of one body segment'],
  [226, 'basal_metabolic_rate', 'kcal', 'Energy spent at rest in a day'],
  [227, 'metabolic_age', 'years', 'Age at which this basal metabolic rate is average'],
];

const VITALS: Row[] = [
  [9, 'diastolic_blood_pressure', 'mmHg', 'Diastolic blood pressure'],
  [10, 'systolic_blood_pressure', 'mmHg', 'Systolic blood pressure'],
  [11, 'heart_pulse', 'bpm', 'Heart rate, taken by a scale or a blood pressure monitor'],
  [54, 'spo2', '%', 'Oxygen saturation of the blood'],
  [71, 'body_temperature', '°C', 'Body temperature'],
  [73, 'skin_temperature', '°C', 'Skin temperature'],
];

const OTHER: Row[] = [
  [4, 'height', 'm', 'Body height'],
  [12, 'temperature', '°C', 'Temperature; does not say of what'],
  [91, 'pulse_wave_velocity', 'm/s', 'Pulse wave velocity'],
  [123, 'vo2_max', 'ml/min/kg', 'Estimate of the greatest oxygen uptake'],
  [130, 'afib_result_ecg', null, 'Atrial fibrillation result of an ECG, a code from 0 to 13'],
  [135, 'qrs_interval', null, 'QRS duration of an ECG'],
  [136, 'pr_interval', null, 'PR interval of an ECG'],
  [137, 'qt_interval', null, 'QT interval of an ECG'],
  [138, 'corrected_qt_interval', null, 'QT interval of an ECG, corrected for heart rate'],
  [139, 'afib_result_ppg', null, 'Atrial fibrillation result of an optical pulse reading, a code'],
  [147, 'urinary_ph', '', 'pH of urine'],
  [148, 'urine_specific_gravity', '', 'Specific gravity of urine'],
  [151, 'urinary_nitrites', 'µmol/L', 'Nitrites in urine'],
  [155, 'vascular_age', 'years', 'Age at which this pulse wave velocity is average'],
  [158, 'nerve_health_left_foot', null, 'Nerve health score of the left foot'],
  [159, 'nerve_health_right_foot', null, 'Nerve health score of the right foot'],
  [167, 'nerve_health_score_feet', null, 'Nerve health score of both feet'],
  [196, 'electrodermal_activity_feet', null, 'Electrodermal activity of both feet'],
  [197, 'electrodermal_activity_left_foot', null, 'Electrodermal activity of the left foot'],
  [198, 'electrodermal_activity_right_foot', null, 'Electrodermal activity of the right foot'],
  [204, 'urinary_ketones', 'mmol/L', 'Ketones in urine'],
  [205, 'urinary_vitamin_c', 'mmol/L', 'Vitamin C in urine'],
  [229, 'electrochemical_skin_conductance', null, 'Electrochemical skin conductance of the feet'],
  [248, 'urinary_calcium', 'mmol/L', 'Calcium in urine'],
  [249, 'urinary_creatinine', 'mmol/L', 'Creatinine in urine'],
  [251, 'urinary_calcium_creatinine_ratio', 'mmol/mmol', 'Calcium divided by creatinine in urine'],
];

/**
 * LOINC codes and their long common names.
 *
 * Omitted, with the reason:
 * - `skin_temperature`: 39106-0 "Temperature of Skin" is recorded as words (warm, cold), not degrees.
 * - `temperature`: may be a room's.
 * - `vo2_max`, `basal_metabolic_rate`: no code could be confirmed for an estimate without a breath analyzer.
 * - `extracellular_water`, `intracellular_water`, `visceral_fat`, `metabolic_age`, `vascular_age`, nerve health, skin
 *   conductance and AFib results: Withings' own scores and estimates, without a code.
 * - urine: LOINC distinguishes the method, which Withings does not state.
 * - segments: their codes differ by segment, so one metric has none.
 */
const LOINC: Partial<Record<string, [code: string, display: string]>> = {
  weight: ['29463-7', 'Body weight'],
  bmi: ['39156-5', 'Body mass index (BMI) [Ratio]'],
  height: ['8302-2', 'Body height'],
  fat_ratio: ['41982-0', 'Percentage of body fat Measured'],
  fat_mass: ['73708-0', 'Body fat [Mass] Calculated'],
  fat_free_mass: ['91557-9', 'Lean body weight'],
  muscle_mass: ['73964-9', 'Body muscle mass'],
  hydration: ['101683-1', 'Body water mass'],
  bone_mass: ['101685-6', 'Body bone mass'],
  diastolic_blood_pressure: ['8462-4', 'Diastolic blood pressure'],
  systolic_blood_pressure: ['8480-6', 'Systolic blood pressure'],
  heart_pulse: ['8867-4', 'Heart rate'],
  spo2: ['59408-5', 'Oxygen saturation in Arterial blood by Pulse oximetry'],
  body_temperature: ['8310-5', 'Body temperature'],
  pulse_wave_velocity: ['77196-4', 'Pulse wave velocity'],
  qrs_interval: ['8633-0', 'QRS duration'],
  pr_interval: ['8625-6', 'P-R Interval'],
  qt_interval: ['8634-8', 'Q-T interval'],
  corrected_qt_interval: ['8636-3', 'Q-T interval corrected'],
};

/**
 * HealthKit quantity types, without their common prefix. `basal_metabolic_rate` is not `BasalEnergyBurned`, an
 * amount over an interval; `skin_temperature` is not `AppleSleepingWristTemperature`, a nightly value.
 */
const HEALTHKIT: Partial<Record<string, string>> = {
  weight: 'BodyMass',
  bmi: 'BodyMassIndex',
  height: 'Height',
  fat_ratio: 'BodyFatPercentage',
  fat_free_mass: 'LeanBodyMass',
  diastolic_blood_pressure: 'BloodPressureDiastolic',
  systolic_blood_pressure: 'BloodPressureSystolic',
  heart_pulse: 'HeartRate',
  spo2: 'OxygenSaturation',
  body_temperature: 'BodyTemperature',
  vo2_max: 'VO2Max',
};

const SEGMENT_TYPES: ReadonlySet<number | undefined> = new Set([173, 174, 175]);

const toMetric =
  (group: MetricGroup) =>
  ([withingsType, name, unit, description]: Row): Metric => {
    const loinc = LOINC[name];
    const healthKit = HEALTHKIT[name];
    return {
      name,
      unit: unit ?? '',
      ucum: unit === null ? undefined : UCUM[unit],
      withingsType,
      loinc: loinc && { code: loinc[0], display: loinc[1] },
      healthKit: healthKit && `HKQuantityTypeIdentifier${healthKit}`,
      group,
      description,
      derived: withingsType === undefined,
      segment: SEGMENT_TYPES.has(withingsType),
      imperial: unit === null ? undefined : IMPERIAL[unit],
    };
  };

/** All metrics: body composition first, then vitals, then the rest. */
export const METRICS: readonly Metric[] = [
  ...BODY_COMPOSITION.map(toMetric('body_composition')),
  ...VITALS.map(toMetric('vitals')),
  ...OTHER.map(toMetric('other')),
];

const byName: ReadonlyMap<string, Metric> = new Map(METRICS.map((metric) => [metric.name, metric]));
const byType: ReadonlyMap<number | undefined, Metric> = new Map(METRICS.map((metric) => [metric.withingsType, metric]));

/** The metric of this name (`weight`), or undefined. Names of unknown types (`withings_999`) have none. */
export const metricByName = (name: string): Metric | undefined => byName.get(name);

/** The metric of this Withings measure type, or undefined for an unknown type. */
export const metricByType = (type: number): Metric | undefined => byType.get(type);

/** The name of an unknown measure type: `withings_` and its number. */
export const unknownMetricName = (type: number): string => `withings_${type}`;

/**
 * The measure type of a name made by `unknownMetricName`. Undefined for any other text, and for a type in the catalog:
 * a metric has one name.
 */
export const unknownMetricType = (name: string): number | undefined => {
  const digits = /^withings_(0|[1-9]\d{0,8})$/.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const type = Number(digits);
  return metricByType(type) === undefined ? type : undefined;
};

/** A value of this metric in imperial units (lb, in, °F), or unchanged if the metric has none. */
export const toImperial = (metric: Metric, value: number): { value: number; unit: string } => {
  const { imperial } = metric;
  if (imperial === undefined) return { value, unit: metric.unit };
  const converted = value * imperial.factor + imperial.offset;
  return { value: roundHalfUp(converted, imperial.decimals), unit: imperial.unit };
};

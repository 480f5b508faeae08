import type { Attribution } from '../../domain/metrics/measurement.ts';
import { positionName, WHOLE_BODY } from '../../domain/metrics/measurement.ts';

/** Metrics in words for people. */

const TITLES: Partial<Record<string, string>> = {
  bmi: 'BMI',
  fat_free_mass: 'Fat-free mass',
  fat_free_mass_segment: 'Fat-free mass',
  fat_ratio: 'Body fat',
  heart_pulse: 'Heart rate',
  spo2: 'SpO₂',
  vo2_max: 'VO₂ max',
  afib_result_ecg: 'AFib result (ECG)',
  afib_result_ppg: 'AFib result (optical)',
  qrs_interval: 'QRS interval',
  pr_interval: 'PR interval',
  qt_interval: 'QT interval',
  corrected_qt_interval: 'Corrected QT interval',
  urinary_ph: 'Urinary pH',
};

const sentence = (name: string): string => {
  const words = name.replaceAll('_', ' ');
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
};

/** A metric's name, with the part of the body if it is a segment's. */
export const metricTitle = (name: string, position: number = WHOLE_BODY): string => {
  const title = TITLES[name] ?? sentence(name.replace(/_segment$/, ''));
  return position === WHOLE_BODY ? title : `${title}, ${positionName(position).replaceAll('_', ' ')}`;
};

const DIGITS: Partial<Record<string, number>> = { mmHg: 0, bpm: 0, years: 0, kcal: 0, kg: 1, '%': 1, 'kg/m²': 1 };

/** A value with its unit, in as many digits as people read. */
export const valueText = (value: number, unit: string): string =>
  [unit in DIGITS ? value.toFixed(digitsOf(unit)) : String(Number(value.toFixed(digitsOf(unit)))), unit]
    .filter(Boolean)
    .join(' ');

export const digitsOf = (unit: string): number => DIGITS[unit] ?? 2;

const ATTRIBUTIONS: Record<Attribution, string> = {
  device: 'this person’s device',
  device_series: 'this person’s device, several in a row',
  ambiguous: 'perhaps another person’s',
  claimed: 'claimed by this person',
  confirmed: 'confirmed by this person',
  guided: 'guided measurement',
  manual: 'typed in',
  manual_at_signup: 'typed in at sign-up',
  unknown: 'not stated',
};

/** Where a value comes from. */
export const attributionWords = (attribution: Attribution): string => ATTRIBUTIONS[attribution];

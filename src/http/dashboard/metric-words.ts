import type { Attribution } from '../../domain/metrics/measurement.ts';
import { positionName, WHOLE_BODY } from '../../domain/metrics/measurement.ts';
import { roundHalfUp } from '../../domain/metrics/rounding.ts';

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

/** The least and the most digits after the point that people read. Scales give weights in steps of 50 g. */
const DIGITS: Partial<Record<string, readonly [least: number, most: number]>> = {
  mmHg: [0, 0],
  bpm: [0, 0],
  years: [0, 0],
  kcal: [0, 0],
  kg: [1, 2],
  '%': [1, 1],
  'kg/m²': [1, 1],
  m: [2, 2],
};

/** Larger numbers are no measures. They would have hundreds of digits. */
const MOST_WRITTEN_OUT = 1e15;

/**
 * A value in as many digits as people read. Rounds the decimal number, not the binary one, an exact half away from
 * zero.
 */
export const numberText = (value: number, unit: string): string => {
  if (Math.abs(value) > MOST_WRITTEN_OUT) return String(value);
  const [minimumFractionDigits, maximumFractionDigits] = DIGITS[unit] ?? [0, 2];
  const format = new Intl.NumberFormat('en', {
    useGrouping: false,
    // Zero has no sign.
    signDisplay: 'negative',
    minimumFractionDigits,
    maximumFractionDigits,
  });
  return format.format(value);
};

/** A value with its unit. */
export const valueText = (value: number, unit: string): string =>
  [numberText(value, unit), unit].filter(Boolean).join(' ');

/** More digits than any device resolves, but few enough to hide floating-point errors of a difference. */
const CHANGE_DECIMALS = 4;

/** The difference of two values, with its sign. That of two percentages is in percentage points. */
export const changeText = (first: number, last: number, unit: string): string => {
  const change = roundHalfUp(last - first, CHANGE_DECIMALS);
  const size = numberText(Math.abs(change), unit);
  if (Number(size) === 0) return 'no change';
  return [`${change < 0 ? '−' : '+'}${size}`, unit === '%' ? 'percentage points' : unit].filter(Boolean).join(' ');
};

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

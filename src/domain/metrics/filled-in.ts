import { metricByName } from './metric.ts';

/**
 * Filled-in values. Withings completes a typed-in weight with a fat ratio and a fat mass of 0, and a fat-free mass that
 * equals the weight. A scale that is stepped off too early sends zeros. These values are shown as recorded, and no
 * figure is computed from them.
 */

/** What no living body has 0 of. An index (visceral fat), a score or a code may well be 0. */
const NEVER_ZERO = [
  'weight',
  'fat_free_mass',
  'fat_ratio',
  'fat_mass',
  'muscle_mass',
  'hydration',
  'bone_mass',
  'extracellular_water',
  'intracellular_water',
  'fat_free_mass_segment',
  'fat_mass_segment',
  'muscle_mass_segment',
  'basal_metabolic_rate',
  'metabolic_age',
  'diastolic_blood_pressure',
  'systolic_blood_pressure',
  'heart_pulse',
  'spo2',
  'body_temperature',
  'height',
  'pulse_wave_velocity',
  'vo2_max',
  'vascular_age',
];

/** The measure types of which a value of 0 or less was filled in. */
export const NEVER_ZERO_TYPES: readonly number[] = NEVER_ZERO.flatMap((name) => metricByName(name)?.withingsType ?? []);

/**
 * Interprets one Withings group. Its quirks, all seen in real answers: goals arrive as weights (category 2), and a type
 * arrives twice with the same value. The whole body is an absent position or 7. A pulse carries the place where it was
 * measured.
 */

import { isExpressibleInstant } from './local-time.ts';
import { metricByType } from './metric.ts';

/** One measure as Withings sends it: `value` × 10^`unit`, in the unit of its `type`. */
export type UpstreamMeasure = {
  type: number;
  value: number;
  unit: number;
  position: number | undefined;
};

/** One group as Withings sends it, with the broker's field names. Times are Unix seconds. */
export type UpstreamGroup = {
  groupId: number;
  attrib: number;
  category: number;
  measuredAtSeconds: number;
  createdAtSeconds: number;
  modifiedAtSeconds: number;
  deviceId: string | null;
  model: string | null;
  modelId: number | null;
  /** IANA name of the account's zone. */
  timeZone: string;
  measures: readonly UpstreamMeasure[];
};

/** The position of a metric's own value, as opposed to a segment's. */
export const WHOLE_BODY = -1;

export type MeasuredValue = {
  type: number;
  /** `WHOLE_BODY`, or Withings' number of the segment. */
  position: number;
  value: number;
};

/**
 * How a measurement was attributed to the user:
 * - `device`: a device measured it and recognized the user
 * - `ambiguous`: a device measured it, and it may be another person's
 * - `claimed`: the user chose it among several people's (seen, not documented)
 * - `device_series`: a blood pressure monitor's best value of an automatic series
 * - `guided`: a device measured it under guided conditions
 * - `confirmed`: the user confirmed what a device detected
 * - `manual`: the user typed it in
 * - `manual_at_signup`: typed in when the account was created, perhaps roughly
 * - `unknown`: Withings sent a code without a published meaning
 */
export type Attribution =
  | 'device'
  | 'ambiguous'
  | 'claimed'
  | 'device_series'
  | 'guided'
  | 'confirmed'
  | 'manual'
  | 'manual_at_signup'
  | 'unknown';

export type MeasurementGroup = {
  groupId: number;
  measuredAtSeconds: number;
  createdAtSeconds: number;
  modifiedAtSeconds: number;
  attribution: Attribution;
  /** Perhaps another person's: served only on request. */
  ambiguous: boolean;
  source: {
    model: string | null;
    modelId: number | null;
    deviceId: string | null;
    timeZone: string;
    attrib: number;
  };
  /** Sorted by type and position, without duplicates. */
  values: MeasuredValue[];
};

const REAL_MEASURES = 1;
const POSITION_WHOLE_BODY = 7;
const POSITION_BETWEEN_LEGS = 6;
const EXTRACELLULAR_WATER = 168;

/**
 * Pulse wave velocity and vascular age. Body Cardio sends them for the person, and in a group of its own for one foot.
 */
const ARTERY_TYPES: ReadonlySet<number> = new Set([91, 155]);

/** Atrial fibrillation results (ECG, optical) are codes. Their exponent has no meaning. */
const CODE_TYPES: ReadonlySet<number> = new Set([130, 139]);

/** Recorded exponents are -4 to 0. A much larger one would turn any number into 0 or infinity. */
const MAX_EXPONENT = 12;

/** Withings API reference, "Measure - Getmeas", `attrib`; 3 is from recordings. */
const ATTRIBUTIONS: ReadonlyMap<number, Attribution> = new Map([
  [0, 'device'],
  [1, 'ambiguous'],
  [2, 'manual'],
  [3, 'claimed'],
  [4, 'manual_at_signup'],
  [5, 'device_series'],
  [7, 'confirmed'],
  [8, 'device'],
  [15, 'guided'],
]);

/** The codes of typed-in values: `manual` and `manual_at_signup`. */
export const MANUAL_ATTRIBS: readonly number[] = [2, 4];

/**
 * Withings API reference, "Measure - Getmeas", `position`; 7 is from recordings. The reference does not name the areas
 * of the lungs, 20 to 27.
 */
const POSITION_NAMES: ReadonlyMap<number, string> = new Map([
  [WHOLE_BODY, 'whole_body'],
  [0, 'right_wrist'],
  [1, 'left_wrist'],
  [2, 'right_arm'],
  [3, 'left_arm'],
  [4, 'right_foot'],
  [5, 'left_foot'],
  [6, 'between_legs'],
  [7, 'whole_body'],
  [8, 'left_side'],
  [9, 'right_side'],
  [10, 'left_leg'],
  [11, 'right_leg'],
  [12, 'torso'],
  [13, 'left_hand'],
  [14, 'right_hand'],
  [15, 'heart_aortic'],
  [16, 'heart_pulmonic'],
  [17, 'heart_tricuspid'],
  [18, 'heart_mitral'],
  [19, 'heart_apex'],
  [28, 'wide'],
  [29, 'between_arms'],
  [30, 'hold_right'],
  [31, 'hold_left'],
]);

/** The name of a position (`left_arm`), or `position_` and its number if it has none. */
export const positionName = (position: number): string => POSITION_NAMES.get(position) ?? `position_${position}`;

export const attributionOf = (attrib: number): Attribution => ATTRIBUTIONS.get(attrib) ?? 'unknown';

/** A measure's exact value; undefined if there is none. */
const exactValue = ({ type, value, unit }: UpstreamMeasure): number | undefined => {
  const exponent = CODE_TYPES.has(type) ? 0 : unit;
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined;
  // Decimal digits, not `value * 10 ** unit`, which makes 66.60000000000001 of 6660 and -2.
  const exact = Number(`${value}e${exponent}`);
  return Number.isFinite(exact) ? exact : undefined;
};

/** A measure's rank as its metric's value: the lowest rank in a group wins. Undefined if it can only be a segment's. */
const wholeBodyRank = (type: number, place: number | undefined): number | undefined => {
  const metric = metricByType(type);
  if (metric?.segment === true) return undefined;
  if (place === undefined) return 0;
  if (place === POSITION_WHOLE_BODY) return 1;
  // Body Scan sends the whole body's extracellular water with this position.
  const isWholeBodyWater = type === EXTRACELLULAR_WATER && place === POSITION_BETWEEN_LEGS;
  // An arm's muscle is not the body's, nor is the age of a foot's arteries. For an unknown type it is unclear. A pulse
  // is the same everywhere.
  const isPartOfBody = metric === undefined || metric.group === 'body_composition' || ARTERY_TYPES.has(type);
  return isPartOfBody && !isWholeBodyWater ? undefined : 2 + place;
};

type Candidate = MeasuredValue & { rank: number | undefined };

/** A measure with its position and rank; none if it has no value, or its segment has no name. */
const toCandidate = (measure: UpstreamMeasure): Candidate[] => {
  const { type } = measure;
  const value = exactValue(measure);
  const place = measure.position !== undefined && measure.position >= 0 ? measure.position : undefined;
  const rank = wholeBodyRank(type, place);
  if (value === undefined || (rank === undefined && place === undefined)) return [];
  const isWholeBody = rank === 0 || rank === 1;
  return [{ type, value, rank, position: isWholeBody || place === undefined ? WHOLE_BODY : place }];
};

/** One value per type and position: the first of duplicates, and the best rank for the whole body. */
const distinctValues = (measures: readonly UpstreamMeasure[]): MeasuredValue[] => {
  const distinct = new Map<string, Candidate>();
  const rankOf = ({ rank = Number.MAX_SAFE_INTEGER }: Candidate) => rank;
  const byRank = measures.flatMap(toCandidate).sort((a, b) => rankOf(a) - rankOf(b));
  for (const candidate of byRank) {
    const key = `${candidate.type}/${candidate.position}`;
    if (!distinct.has(key)) distinct.set(key, candidate);
  }
  const typesWithValue = new Set<number>();
  const values = [...distinct.values()].map(({ type, value, rank, position }) => {
    if (rank === undefined || typesWithValue.has(type)) return { type, position, value };
    typesWithValue.add(type);
    return { type, position: WHOLE_BODY, value };
  });
  return values.sort((a, b) => a.type - b.type || a.position - b.position);
};

/**
 * Interprets a group.
 *
 * @returns undefined for a goal (`category` other than 1), or for a time that no calendar can express. A group without
 *   a usable measure has empty `values`.
 */
export const interpretGroup = (group: UpstreamGroup): MeasurementGroup | undefined => {
  if (group.category !== REAL_MEASURES || !isExpressibleInstant(group.measuredAtSeconds)) return undefined;
  const attribution = attributionOf(group.attrib);
  return {
    groupId: group.groupId,
    measuredAtSeconds: group.measuredAtSeconds,
    createdAtSeconds: group.createdAtSeconds,
    modifiedAtSeconds: group.modifiedAtSeconds,
    attribution,
    ambiguous: attribution === 'ambiguous',
    source: {
      model: group.model,
      modelId: group.modelId,
      deviceId: group.deviceId,
      timeZone: group.timeZone,
      attrib: group.attrib,
    },
    values: distinctValues(group.measures),
  };
};

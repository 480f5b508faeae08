/**
 * The measurement groups that one use of a device makes, as recorded: which types in which group, their order,
 * mantissas, units and attribution. A Body Scan sends some types twice, and some for each segment.
 */
import type { Measure } from '../../withings/wire.ts';
import type { Body } from './body.ts';
import type { DeviceName, Source } from './device.ts';

/** A group that has no identity, moment or owner yet. `device` null is typed in by hand. */
export type DraftGroup = {
  attrib: number;
  category: number;
  device: DeviceName | null;
  measures: Measure[];
};

const WHOLE_BODY = 7;
/** Torso, left leg, left arm, right leg, right arm: the order of the recordings, with each one's share. */
const segments = [
  { position: 12, lean: 0.518, fat: 0.648 },
  { position: 10, lean: 0.175, fat: 0.129 },
  { position: 3, lean: 0.061, fat: 0.058 },
  { position: 11, lean: 0.182, fat: 0.111 },
  { position: 2, lean: 0.064, fat: 0.054 },
];

const scaleAlgo = { algo: 0, fm: 3 };
const scanAlgo = { algo: 218_235_904, fm: 3 };
const cardioAlgo = { algo: 16_909_313, fm: 3 };
/** What marks a value as typed into the app. */
const typed = { algo: 0, fm: 128, apppfmid: 7, appliver: 5_050_021 };

const hundredths = (grams: number) => Math.round(grams / 10);

/** Fat ratio in thousandths of a per cent: 100 × fat mass ÷ weight, to the third decimal. */
const fatRatio = ({ fatG, weightG }: Body): Measure => ({
  value: Math.round((fatG * 100_000) / weightG),
  type: 6,
  unit: -3,
});

/** Types 5 and 6 are computed by the server: weight minus fat exactly, without `algo` and `fm`. */
const fatFreeMass = ({ fatG, weightG }: Body): Measure => ({ value: weightG - fatG, type: 5, unit: -3 });

const composition = (body: Body): Measure[] => [
  { value: body.weightG, type: 1, unit: -3, ...scaleAlgo },
  { value: hundredths(body.fatG), type: 8, unit: -2, ...scaleAlgo },
  { value: hundredths(body.muscleG), type: 76, unit: -2, ...scaleAlgo },
  { value: hundredths(body.waterG), type: 77, unit: -2, ...scaleAlgo },
  { value: hundredths(body.boneG), type: 88, unit: -2, ...scaleAlgo },
];

const waterSplit = (body: Body, extra: Partial<Measure>): Measure[] => {
  const outside = Math.round(hundredths(body.waterG) * 0.413);
  return [
    { value: outside, type: 168, unit: -2, ...extra },
    { value: hundredths(body.waterG) - outside, type: 169, unit: -2, ...extra },
  ];
};

/** Index in tenths. */
const visceralFat = (body: Body) => Math.round((body.fatG / body.weightG) * 160);
const basalMetabolicRate = (body: Body) => Math.round(500 + ((body.weightG - body.fatG) / 1000) * 22.8);
const metabolicAge = (body: Body) => Math.round(body.ageYears + (body.fatG / body.weightG - 0.22) * 60);

const scanned = (body: Body): Measure[] => {
  const whole = { ...scanAlgo, position: WHOLE_BODY };
  // Measured here, not subtracted: recorded some grams below weight minus fat.
  const lean: Measure = {
    value: Math.floor((body.weightG - body.fatG - 4) / 10),
    type: 5,
    unit: -2,
    ...whole,
  };
  const fat: Measure = { value: hundredths(body.fatG), type: 8, unit: -2, ...whole };
  const perSegment = (type: number, grams: number, share: 'lean' | 'fat'): Measure[] =>
    segments.map((segment) => ({
      value: hundredths(grams * segment[share]),
      type,
      unit: -2,
      ...scanAlgo,
      position: segment.position,
    }));
  return [
    { value: body.weightG, type: 1, unit: -3, ...scanAlgo },
    lean,
    { ...lean },
    fat,
    { ...fat },
    { value: hundredths(body.muscleG), type: 76, unit: -2, ...whole },
    { value: hundredths(body.waterG), type: 77, unit: -2, ...whole },
    { value: hundredths(body.boneG), type: 88, unit: -2, ...whole },
    ...waterSplit(body, whole),
    { value: visceralFat(body), type: 170, unit: -1, ...whole },
    ...perSegment(173, body.weightG - body.fatG, 'lean'),
    ...perSegment(174, body.fatG, 'fat'),
    ...perSegment(175, body.muscleG, 'lean'),
    { value: basalMetabolicRate(body), type: 226, unit: 0, ...whole },
    fatRatio(body),
  ];
};

const pulse = (body: Body): Measure => ({ value: body.pulseBpm, type: 11, unit: 0, ...cardioAlgo });

const arteries = (body: Body): Measure[] => [
  { value: body.pulseWaveMmPerS, type: 91, unit: -3, ...cardioAlgo },
  { value: body.vascularAgeYears * 10, type: 155, unit: -1, ...cardioAlgo },
];

const nerves = (body: Body): Measure[] => [
  { value: body.nerveScoreMilli, type: 196, unit: -3, ...scanAlgo },
  { value: body.nerveScoreMilli - 700, type: 197, unit: -3, ...scanAlgo },
  { value: body.nerveScoreMilli + 700, type: 198, unit: -3, ...scanAlgo },
];

/** An ECG over the handle: the pulse and its AFib result (0 is negative, 2 inconclusive; a code, never scaled). */
const electrocardiogram = (body: Body): Measure[] => [
  { ...pulse(body), algo_params: { '1': 1 } },
  { value: body.pulseBpm > 90 ? 2 : 0, type: 130, unit: 0, ...scanAlgo, algo_params: { '1': 1 } },
];

const measured = (device: DeviceName, measures: Measure[], attrib = 0): DraftGroup => ({
  attrib,
  category: 1,
  device,
  measures,
});

const typedIn = (measures: Measure[]): DraftGroup => ({ attrib: 2, category: 1, device: null, measures });

const compMeasures = (body: Body): Measure[] => [
  ...composition(body),
  ...waterSplit(body, scaleAlgo),
  { value: visceralFat(body), type: 170, unit: -1, ...scaleAlgo },
  { value: basalMetabolicRate(body), type: 226, unit: 0, ...scaleAlgo },
  { value: metabolicAge(body), type: 227, unit: 0, ...scaleAlgo },
  fatRatio(body),
  fatFreeMass(body),
];

const groupsOf: Record<Source, (body: Body) => DraftGroup[]> = {
  manual: (body) => [typedIn([{ value: body.weightG, type: 1, unit: -3, ...typed }])],
  body: (body) => [weightOnly('body', body)],
  body_plus: (body) => [measured('body_plus', [...composition(body), fatRatio(body), fatFreeMass(body)])],
  body_cardio: (body) => [
    measured('body_cardio', [...composition(body), fatRatio(body), fatFreeMass(body)]),
    measured('body_cardio', [pulse(body)]),
    measured('body_cardio', arteries(body), 8),
  ],
  body_comp: (body) => [
    measured('body_comp', compMeasures(body)),
    measured('body_comp', [pulse(body)]),
    measured('body_comp', nerves(body)),
    measured('body_comp', arteries(body), 8),
  ],
  body_scan: (body) => [
    measured('body_scan', scanned(body)),
    measured('body_scan', electrocardiogram(body)),
    measured('body_scan', nerves(body)),
    measured('body_scan', arteries(body), 8),
  ],
};

/** The groups of one step on the scale, or of a weight typed into the app. */
export const weighInGroups = (source: Source, body: Body): DraftGroup[] => groupsOf[source](body);

/** A step on the scale in socks: nothing but the weight. */
export const weightOnly = (device: DeviceName, body: Body): DraftGroup =>
  measured(device, [{ value: body.weightG, type: 1, unit: -3, ...scaleAlgo }]);

/** A height typed into the app, in mm. */
export const heightGroup = (heightMm: number): DraftGroup =>
  typedIn([{ value: heightMm, type: 4, unit: -3, ...typed }]);

/** A weight goal: type 1 like a weight; only its category differs. */
export const weightGoal = (weightG: number): DraftGroup => ({
  ...typedIn([{ value: weightG, type: 1, unit: -3, ...typed }]),
  category: 2,
});

/** One use of a blood pressure cuff. */
export const bloodPressureGroup = (diastolic: number, systolic: number, pulseBpm: number): DraftGroup =>
  measured('bpm_connect', [
    { value: diastolic * 100, type: 9, unit: -2, algo: 0, fm: 128 },
    { value: systolic * 100, type: 10, unit: -2, algo: 0, fm: 128 },
    { value: pulseBpm * 100, type: 11, unit: -2, algo: 0, fm: 128 },
  ]);

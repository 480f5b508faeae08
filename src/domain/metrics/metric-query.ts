import { fail, ok, type Result } from '../result.ts';
import type { EpochSeconds } from '../time.ts';
import { WHOLE_BODY } from './measurement.ts';
import {
  type Metric,
  metricByName,
  metricByType,
  type MetricGroup,
  METRICS,
  unknownMetricName,
  unknownMetricType,
} from './metric.ts';
import type { TimeRange } from './time-range.ts';

/** Which values are meant: by metric, and by what they are besides. */
export type MetricSelection = {
  /** Names of metrics. Undefined: every metric. */
  names: readonly string[] | undefined;
  /** Groups of metrics, added to `names`. */
  groups: readonly MetricGroup[];
  /** Values that may be another person's. */
  ambiguous: boolean;
  /** Values of body segments, beside those of the whole body. */
  segments: boolean;
  /** Typed-in values. */
  manual: boolean;
};

/** What is read: which values, when, in which order, how many and from where. */
export type MetricQuery = TimeRange & {
  selection: MetricSelection;
  order: 'asc' | 'desc';
  limit: number;
  /** Where the page before ended. */
  after: MetricPlace | undefined;
};

/** Where a page ended: after this series of this group. */
export type MetricPlace = { measuredAtSeconds: EpochSeconds; groupId: number; rank: number };

/** One run of stored values: a measure type at a position. */
export type StoredSeries = { type: number; position: number; ambiguous: boolean };

/** A run of values as the API gives it: the stored one, or BMI, which is computed along the weights. */
export type MetricSeries = StoredSeries & {
  /** Orders the values of one group. It is the same in every query, so that a cursor may name it. */
  rank: number;
  name: string;
  /** Undefined for a measure type that the catalog does not have. */
  metric: Metric | undefined;
  /** Whether a value counts with a height only. */
  needsHeight: boolean;
};

const WEIGHT_TYPE = 1;
/** No measure has it. */
const NO_TYPE = -1;
const BMI_NAME = 'bmi';
const GROUP_NAMES: ReadonlySet<string> = new Set<MetricGroup>(['body_composition', 'vitals', 'other']);
const EVERYTHING = 'all';

/** Whether every value of these is meant, or only one person's surely: what nothing was said about. */
const DEFAULTS = { ambiguous: false, segments: false, manual: true };

/**
 * The selection of a list of names: metrics (`weight`), groups (`body_composition`, `vitals`, `other`), or `all`, which
 * is also the default. `withings_<type>` is a measure type that the catalog does not have.
 */
export const selectMetrics = (
  names: readonly string[] | undefined,
  besides: Partial<Pick<MetricSelection, 'ambiguous' | 'segments' | 'manual'>> = {},
): Result<MetricSelection, { unknown: string }> => {
  const everything: MetricSelection = { names: undefined, groups: [], ...DEFAULTS, ...besides };
  if (names === undefined) return ok(everything);
  const unknown = names.find((name) => !isKnownName(name));
  if (unknown !== undefined) return fail({ unknown });
  if (names.includes(EVERYTHING)) return ok(everything);
  const groups = names.filter((name): name is MetricGroup => GROUP_NAMES.has(name));
  return ok({ ...everything, names: names.filter((name) => !GROUP_NAMES.has(name)), groups });
};

const isKnownName = (name: string): boolean =>
  name === EVERYTHING ||
  GROUP_NAMES.has(name) ||
  metricByName(name) !== undefined ||
  unknownMetricType(name) !== undefined;

/**
 * The series of a selection, if they do not depend on what is stored. Undefined for groups, for everything, and for
 * segments, whose number depends on the device.
 */
export const namedSeries = ({ names, groups, segments, ambiguous }: MetricSelection): MetricSeries[] | undefined => {
  if (names === undefined || groups.length > 0 || segments) return undefined;
  if (names.some((name) => metricByName(name)?.segment === true)) return undefined;
  const doubts = ambiguous ? [false, true] : [false];
  const distinct = [...new Set(names)];
  return distinct.flatMap((name) => doubts.map((inDoubt) => seriesOf(name, typeOf(name), WHOLE_BODY, inDoubt)));
};

/** BMI is read along the weights that it is computed from. */
const typeOf = (name: string): number => {
  const metric = metricByName(name);
  return metric === undefined ? (unknownMetricType(name) ?? NO_TYPE) : (metric.withingsType ?? WEIGHT_TYPE);
};

/** Those of the stored series that a selection means, and BMI along the weights. */
export const selectedSeries = (selection: MetricSelection, stored: readonly StoredSeries[]): MetricSeries[] =>
  stored.flatMap(({ type, position, ambiguous }) => {
    if (ambiguous && !selection.ambiguous) return [];
    const names = [metricByType(type)?.name ?? unknownMetricName(type)];
    if (type === WEIGHT_TYPE && position === WHOLE_BODY) names.push(BMI_NAME);
    return names
      .filter((name) => isSelected(selection, name, position))
      .map((name) => seriesOf(name, type, position, ambiguous));
  });

/** The segments that Body Scan tells apart: arms, legs and torso. */
const SEGMENTS = [2, 3, 10, 11, 12];

/** What Withings' devices measure, as far as the catalog knows it. */
const KNOWN_SERIES: readonly StoredSeries[] = METRICS.flatMap(({ withingsType: type, segment }) =>
  type === undefined
    ? []
    : (segment ? SEGMENTS : [WHOLE_BODY]).flatMap((position) =>
        [false, true].map((ambiguous) => ({ type, position, ambiguous })),
      ),
);

/**
 * The series that a selection may mean, before it is known what is stored. Values of a type or a position that the
 * catalog does not know are not among them.
 */
export const likelySeries = (selection: MetricSelection): MetricSeries[] =>
  namedSeries(selection) ?? selectedSeries(selection, KNOWN_SERIES);

const isSelected = ({ names, groups, segments }: MetricSelection, name: string, position: number): boolean => {
  const metric = metricByName(name);
  const isNamed = names?.includes(name) === true;
  // A segment's metric means its segments when it is named, even where segments were not asked for.
  if (position !== WHOLE_BODY && !segments && !(isNamed && metric?.segment === true)) return false;
  return names === undefined || isNamed || (metric !== undefined && groups.includes(metric.group));
};

const seriesOf = (name: string, type: number, position: number, ambiguous: boolean): MetricSeries => ({
  name,
  metric: metricByName(name),
  type,
  position,
  ambiguous,
  needsHeight: name === BMI_NAME,
  rank: rankOf(name, type, position, ambiguous),
});

/** Positions of Withings run from 0 to 31; this leaves room. */
const PLACES_PER_METRIC = 1_000;

/**
 * The catalog's order, then Withings' numbers; the whole body before its segments, certain values before ambiguous
 * ones.
 */
const rankOf = (name: string, type: number, position: number, ambiguous: boolean): number => {
  const known = METRICS.findIndex((metric) => metric.name === name);
  const place = Math.min(2 * (position + 1) + Number(ambiguous), PLACES_PER_METRIC - 1);
  return (known === -1 ? METRICS.length + type : known) * PLACES_PER_METRIC + place;
};

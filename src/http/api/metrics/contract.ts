import * as z from 'zod';

import { instant } from '../schemas.ts';
import { metricCursor } from './cursor.ts';

/** The HTTP contract of body data. */

export const metricValue = z.object({
  metric: z.string(),
  value: z.number(),
  unit: z.string(),
  /** With the user's offset at that moment. */
  measured_at: instant,
  /** Withings' `grpid`. */
  group_id: z.int(),
  /** Of a value of one segment: `left_arm`. */
  segment: z.string().optional(),
  derived: z.boolean(),
  /** What a derived value was computed from. */
  derived_from: z.array(z.string()).optional(),
  source: z.object({
    device: z.string().nullable(),
    attribution: z.string(),
    attribution_code: z
      .int()
      .optional()
      .describe("Withings' `attrib`, if its meaning is not published: `attribution` is `unknown` then."),
  }),
});

export const metricList = z.object({ data: z.array(metricValue), next_cursor: z.string().nullable() });

/** A 304 leaves `age_seconds` as it was: count from `measured_at`. */
export const latestMetrics = z.object({
  data: z.record(z.string(), metricValue.extend({ age_seconds: z.int() })),
});

const AMBIGUOUS =
  "Whether these values may be another person's. Only with `include=ambiguous`, and in rows apart from the certain ones.";

/** The values of one metric on one of the user's local days, or in one ISO week or month. */
export const metricPeriod = z.object({
  metric: z.string(),
  unit: z.string(),
  segment: z.string().optional(),
  /** `2024-01-27`, `2024-W04` or `2024-01`. */
  period: z.string(),
  first_day: z.iso.date(),
  last_day: z.iso.date(),
  first: z.number(),
  last: z.number(),
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  /** 0 where the period has no value and repeats the one before. */
  count: z.int(),
  carried_forward: z.boolean(),
  partial: z.boolean().describe('Whether `from` or `to` cuts the period: its values outside the range do not count.'),
  ambiguous: z.boolean().describe(AMBIGUOUS),
  derived: z.boolean(),
  derived_from: z.array(z.string()).optional(),
});

export const metricPeriods = z.object({ data: z.array(metricPeriod) });

/** How far a metric went over the interval; its first and last value there. */
export const metricChange = z.object({
  metric: z.string(),
  unit: z.string(),
  segment: z.string().optional(),
  change: z.number(),
  first: z.object({ value: z.number(), measured_at: instant, group_id: z.int() }),
  last: z.object({ value: z.number(), measured_at: instant, group_id: z.int() }),
  ambiguous: z.boolean().describe(AMBIGUOUS),
  derived: z.boolean(),
  derived_from: z.array(z.string()).optional(),
});

export const metricChanges = z.object({ data: z.array(metricChange) });

export const metricCatalog = z.object({
  data: z.array(
    z.object({
      metric: z.string(),
      /** Empty for a code, or a number without a unit. */
      unit: z.string(),
      /** The unit under `units=imperial`. */
      imperial_unit: z.string(),
      group: z.enum(['body_composition', 'vitals', 'other']),
      description: z.string(),
      ucum: z.string().nullable(),
      loinc: z.object({ code: z.string(), display: z.string() }).nullable(),
      /** HealthKit keeps percentages as fractions. */
      healthkit: z.string().nullable(),
      withings_type: z.int().nullable(),
      derived: z.boolean(),
      /** Has a value for each body segment and none for the whole body. */
      segment: z.boolean(),
    }),
  ),
});

export const MAX_METRIC_VALUES = 1_000;
const DEFAULT_METRIC_VALUES = 100;

/** Comma-separated words of a closed set. */
const words = (...known: string[]) =>
  z
    .string()
    .regex(new RegExp(`^(${known.join('|')})(,(${known.join('|')}))*$`), `must be one or more of ${known.join(', ')}`)
    .optional();

/** What is asked of body data, whatever the form of the answer. */
const metricSelection = z.object({
  /**
   * Comma-separated names of metrics and groups (`body_composition`, `vitals`, `other`, `all`); every metric where absent. A segment's metric
   * means its segments.
   */
  metric: z.string().max(2_000).optional(),
  /** What is added: values that may be another person's, and values of body segments. Manual entries are in unless excluded. */
  include: words('ambiguous', 'segments', 'manual'),
  /** What is left out: values that somebody typed in. A BMI still takes a height that was typed in, as they all are. */
  exclude: words('manual'),
  units: z.enum(['metric', 'imperial']).default('metric'),
});

const metricRange = metricSelection.extend({
  from: z
    .string()
    .max(64)
    .optional()
    .describe('An RFC 3339 time, or a date: the local day where each measurement was made, as in `daily`.'),
  to: z.string().max(64).optional().describe('As `from`, inclusive.'),
});

export const metricQuery = metricRange.extend({
  order: z.enum(['asc', 'desc']).default('desc'),
  limit: z.coerce.number().int().min(1).max(MAX_METRIC_VALUES).default(DEFAULT_METRIC_VALUES),
  cursor: metricCursor.optional(),
});

export const latestQuery = metricSelection.omit({ include: true, exclude: true });

export const metricPeriodsQuery = metricRange.extend({
  order: z.enum(['asc', 'desc']).default('asc'),
  carry_forward: z
    .enum(['true', 'false'])
    .default('false')
    .describe(
      'Whether a period without values repeats the last value before it, also one before `from`, up to `to` or else today. A gap of more than ten years stays a gap.',
    ),
});

export const metricChangesQuery = metricRange;
export type MetricSelectionParameters = z.infer<typeof metricSelection>;
export type MetricRangeParameters = z.infer<typeof metricRange>;
export type MetricPeriodsParameters = z.infer<typeof metricPeriodsQuery>;
export type MetricQueryParameters = z.infer<typeof metricQuery>;

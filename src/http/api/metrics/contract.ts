import * as z from 'zod';

import { historyCompleteFrom, instant, nextCursor } from '../schemas.ts';

/** The HTTP contract of body data: what answers contain. `queries.ts` has what requests ask. */

const metricName = z.string().describe('The name of the metric, such as `weight`. `…/catalog` lists them.');
const unit = z.string().describe('The unit, such as `kg`. Empty for a code or a number without one.');
const segment = z
  .string()
  .optional()
  .describe('The body segment, such as `left_arm`. Absent if the value is of the whole body.');
const derived = z.boolean().describe('Whether the value was computed here from other values, as a BMI is.');
const derivedFrom = z.array(z.string()).optional().describe('The metrics that a derived value was computed from.');
const measuredAt = instant.describe("When it was measured, as RFC 3339 with the user's offset at that moment.");
const groupId = z.int().describe("Withings' `grpid`: values of one weigh-in have the same.");
const ambiguous = z
  .boolean()
  .describe(
    "Whether these values may be another person's: only with `include=ambiguous`, apart from the certain ones.",
  );
const days = {
  first_day: z.iso.date().describe("The period's first day."),
  last_day: z.iso.date().describe("The period's last day."),
};

export const metricValue = z.object({
  metric: metricName,
  value: z.number().describe('The value in `unit`, to the digit that Withings gave.'),
  unit,
  measured_at: measuredAt,
  group_id: groupId,
  segment,
  derived,
  derived_from: derivedFrom,
  source: z
    .object({
      device: z.string().nullable().describe("The device's model, such as `Body+`. Null if Withings names none."),
      attribution: z
        .string()
        .describe(
          "How Withings attributed the value to the person: `device`, `device_series`, `confirmed`, `guided`, `claimed`, `manual`, `manual_at_signup`, `ambiguous` (may be another person's) or `unknown`.",
        ),
      attribution_code: z
        .int()
        .optional()
        .describe("Withings' `attrib`. Only if its meaning is not published, so that `attribution` is `unknown`."),
    })
    .describe('Where the value is from.'),
});

export const metricList = z.object({
  data: z.array(metricValue).describe('The values of the page, in the order that was asked for.'),
  next_cursor: nextCursor,
});

export const latestMetrics = z.object({
  data: z
    .record(
      z.string(),
      metricValue.extend({
        age_seconds: z
          .int()
          .describe('Seconds from the measurement to the answer. A 304 leaves it as it was: count from `measured_at`.'),
      }),
    )
    .describe('The newest value of each metric that has one, of those measured by now, by the name of the metric.'),
  history_complete_from: historyCompleteFrom,
});

/** The values of one metric on one of the user's local days, or in one ISO week or month. */
export const metricPeriod = z.object({
  metric: metricName,
  unit,
  segment,
  period: z.string().describe("The user's local day (`2024-01-27`), ISO week (`2024-W04`) or month (`2024-01`)."),
  ...days,
  first: z.number().describe('The first value of the period, in `unit`.'),
  last: z.number().describe('The last value of the period, in `unit`.'),
  min: z.number().describe('The smallest value, in `unit`.'),
  max: z.number().describe('The greatest value, in `unit`.'),
  mean: z.number().describe('The arithmetic mean of the values, in `unit`.'),
  count: z.int().describe('How many values there are. 0 if the period has none and repeats the one before.'),
  carried_forward: z.boolean().describe('Whether the period has no value and repeats the last one before it.'),
  partial: z.boolean().describe('Whether `from` or `to` cuts the period: its values outside the range do not count.'),
  ambiguous,
  derived,
  derived_from: derivedFrom,
});

export const metricPeriods = z.object({
  data: z.array(metricPeriod).describe('The periods of each metric, in the order that was asked for.'),
});

const end = z.object({
  value: z.number().describe('The value in `unit`.'),
  measured_at: measuredAt,
  group_id: groupId,
});

/** How much a metric changed over the interval, with its first and last value. */
export const metricChange = z.object({
  metric: metricName,
  unit,
  segment,
  change: z.number().describe('The last value minus the first, in `unit`.'),
  first: end.describe('The first value of the interval.'),
  last: end.describe('The last value of the interval.'),
  ambiguous,
  derived,
  derived_from: derivedFrom,
});

export const metricChanges = z.object({
  data: z.array(metricChange).describe('One entry for each metric, and segment, that has a value in the interval.'),
});

export const metricCatalog = z.object({
  data: z
    .array(
      z.object({
        metric: z.string().describe('The name, as answers have it and `metric` takes it.'),
        unit,
        imperial_unit: z.string().describe('The unit under `units=imperial`.'),
        group: z.enum(['body_composition', 'vitals', 'other']).describe('The group that the metric belongs to.'),
        description: z.string().describe('What it is, in English.'),
        ucum: z.string().nullable().describe('The unit as UCUM writes it. Null if it has none there.'),
        loinc: z
          .object({
            code: z.string().describe('The LOINC code, such as `29463-7`.'),
            display: z.string().describe("LOINC's name of it."),
          })
          .nullable()
          .describe('The code in LOINC. Null if it has none.'),
        healthkit: z
          .string()
          .nullable()
          .describe("Apple HealthKit's identifier. Null if it has none. HealthKit keeps percentages as fractions."),
        withings_type: z.int().nullable().describe("Withings' measure type. Null for a derived metric."),
        derived: z.boolean().describe('Whether values are computed here from other values.'),
        segment: z.boolean().describe('Whether it has a value for each body segment and none for the whole body.'),
      }),
    )
    .describe('Every metric there is.'),
});

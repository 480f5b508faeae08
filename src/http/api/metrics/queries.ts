import * as z from 'zod';

import { metricCursor } from './cursor.ts';

/** The HTTP contract of body data: what requests ask. */

export const MAX_METRIC_VALUES = 1_000;
const DEFAULT_METRIC_VALUES = 100;

/** Comma-separated words of a closed set. */
const words = (...known: string[]) =>
  z
    .string()
    .max(200)
    .regex(
      new RegExp(`^(${known.join('|')})(,(${known.join('|')}))*$`),
      `It is one or more of ${known.map((word) => `\`${word}\``).join(', ')}.`,
    )
    .optional();

const form = z.enum(['json', 'csv', 'fhir']);
export type Form = z.infer<typeof form>;

const format = form
  .optional()
  .describe('The form of the answer, before `Accept`. A form that the route does not have is answered 406.');

/** How a table is written, for spreadsheets whose language has other rules. */
const csvLayout = z.strictObject({
  separator: z
    .enum(['comma', 'semicolon', 'tab'])
    .optional()
    .describe('What separates the columns of a CSV: a comma, or a semicolon if `decimal` is `comma`.'),
  decimal: z.enum(['point', 'comma']).default('point').describe('The decimal separator of numbers in a CSV.'),
});
export type CsvParameters = z.infer<typeof csvLayout>;

/** What is asked of body data, whatever the form of the answer. */
const metricSelection = z.strictObject({
  format,
  metric: z
    .string()
    .max(2_000)
    .optional()
    .meta({
      description:
        "Comma-separated names of metrics and groups (`body_composition`, `vitals`, `other`, `all`). Every metric if absent. A segment's metric means its segments.",
      examples: ['weight,bmi'],
    }),
  include: words('ambiguous', 'segments', 'manual').describe(
    "What is added, comma-separated: `ambiguous` (values that may be another person's), `segments` (values of body segments). `manual` is in unless excluded.",
  ),
  exclude: words('manual').describe(
    'What is left out: `manual` (values that were typed in). A BMI still takes a height that was typed in, as all heights are.',
  ),
  units: z
    .enum(['metric', 'imperial'])
    .default('metric')
    .describe('The units of values. `…/catalog` has both of each metric.'),
});

const metricRange = metricSelection.extend({
  from: z
    .string()
    .max(64)
    .optional()
    .meta({
      description:
        'The beginning, included: an RFC 3339 instant, or a date: the local day where the measurement was made.',
      examples: ['2026-06-01'],
    }),
  to: z
    .string()
    .max(64)
    .optional()
    .meta({
      description: 'The end, included: an RFC 3339 instant, or a date: the local day where the measurement was made.',
      examples: ['2026-06-30'],
    }),
});

export const metricQuery = metricRange.extend({
  ...csvLayout.shape,
  order: z.enum(['asc', 'desc']).default('desc').describe('`desc`: newest first. `asc`: oldest first.'),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_METRIC_VALUES)
    .default(DEFAULT_METRIC_VALUES)
    .describe('The most values on a page.'),
  cursor: metricCursor
    .optional()
    .describe('The `next_cursor` of the page before, with the same other parameters. Without it, the first page.'),
});

export const latestQuery = metricSelection.omit({ include: true, exclude: true }).extend(csvLayout.shape);

export const metricPeriodsQuery = metricRange.extend({
  ...csvLayout.shape,
  order: z.enum(['asc', 'desc']).default('asc').describe('`asc`: oldest first. `desc`: newest first.'),
  carry_forward: z
    .enum(['true', 'false'])
    .default('false')
    .describe(
      'Whether a period without values repeats the last value before it, also one before `from`, up to `to` or else today. A gap of more than ten years stays a gap.',
    ),
});

export const metricChangesQuery = metricRange;
export const metricCatalogQuery = z.strictObject({ format });
export type MetricSelectionParameters = z.infer<typeof metricSelection>;
export type MetricRangeParameters = z.infer<typeof metricRange>;
export type MetricPeriodsParameters = z.infer<typeof metricPeriodsQuery>;
export type MetricQueryParameters = z.infer<typeof metricQuery>;

import * as z from 'zod';

import type { MetricPeriod } from '../../../broker/metrics/read-metric-periods.ts';
import { asAppId } from '../../../domain/app-id.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { metricByName } from '../../../domain/metrics/metric.ts';
import { asUserId } from '../../../domain/user-id.ts';
import { type Answer, type AnswerContent, empty, json, tagged, type Untagged } from '../reference/operation.ts';
import * as contract from './contract.ts';
import { periodsAsCsv, valuesAsCsv } from './csv.ts';
import { asFhirBundle } from './fhir.ts';
import { renderCatalog, renderChange, renderMetric, renderPeriod } from './json.ts';
import * as queries from './queries.ts';

/** Examples are made of these by what makes the answers, so that no form of them says what is not sent. */
const weight: MetricValue = {
  name: 'weight',
  metric: metricByName('weight'),
  value: 68.2,
  measuredAtSeconds: Date.parse('2026-06-15T07:12:09+02:00') / 1000,
  timeZone: 'Europe/Berlin',
  groupId: 6437845643,
  position: -1,
  derivedFrom: [],
  device: 'Body+',
  deviceHash: null,
  attribution: 'device',
  attrib: 0,
};
const bmi: MetricValue = {
  ...weight,
  name: 'bmi',
  metric: metricByName('bmi'),
  value: 24.16,
  derivedFrom: [
    { name: 'weight', groupId: weight.groupId },
    { name: 'height', groupId: 6390112075 },
  ],
};
const monthBefore: MetricValue = {
  ...weight,
  value: 69.5,
  measuredAtSeconds: Date.parse('2026-05-16T07:03:41+02:00') / 1000,
  groupId: 6390112075,
};
const periodOf = (name: string, firstDay: string, lastDay: string): MetricPeriod => ({
  name,
  firstDay,
  lastDay,
  first: 68.9,
  last: 68.2,
  min: 68,
  max: 69.1,
  mean: 68.5,
  count: 3,
  partial: false,
  series: {
    name: 'weight',
    metric: metricByName('weight'),
    type: 1,
    position: -1,
    ambiguous: false,
    rank: 0,
    needsHeight: false,
  },
});
const PERIODS = {
  daily: { of: 'day', example: periodOf('2026-06-15', '2026-06-15', '2026-06-15') },
  weekly: { of: 'ISO week', example: periodOf('2026-W25', '2026-06-15', '2026-06-21') },
  monthly: { of: 'month', example: periodOf('2026-06', '2026-06-01', '2026-06-30') },
};

/** A value as an example of one. */
export const WEIGHT = renderMetric(weight, 'metric');

const csv = (example: string): AnswerContent => ({ type: 'text/csv', example });
const VALUES_CSV = csv(valuesAsCsv([weight, bmi], 'metric', { decimal: 'point' }));
const FHIR: AnswerContent = {
  type: 'application/fhir+json',
  schema: z
    .looseObject({
      resourceType: z.literal('Bundle').describe('What kind of resource this is.'),
      type: z.literal('searchset').describe('What kind of bundle this is.'),
    })
    .describe('An HL7 FHIR R4 searchset Bundle of Observations.'),
  example: asFhirBundle([weight], 'metric', {
    appId: asAppId('app_0123456789abcdef0123'),
    userId: asUserId('ada'),
    baseUrl: 'https://broker.example.com/apps/app_0123456789abcdef0123/metrics/ada',
    selfUrl: 'https://broker.example.com/apps/app_0123456789abcdef0123/metrics/ada?metric=weight&format=fhir',
    nextUrl: undefined,
  }),
};

/** An answer that has an `ETag`, in JSON and in other forms. */
const versioned = (answer: Answer, ...others: readonly AnswerContent[]): Answer => ({
  ...answer,
  headers: [
    'ETag',
    ...(others.includes(FHIR) ? (['Link'] as const) : []),
    ...(others.length > 0 ? (['Content-Disposition'] as const) : []),
  ],
  contents: [...(answer.contents ?? []), ...others],
});
const UNCHANGED: Answer = {
  ...empty(304, 'Nothing changed since the answer with this `ETag`, and nothing was read.'),
  headers: ['ETag'],
};

const BY_KEY_OR_TOKEN = { kind: 'app_key', scope: 'read', userTokens: true } as const;

/** The metrics API: a user's body data over time. */
export const METRIC_OPERATIONS = tagged('Metrics', BY_KEY_OR_TOKEN, [
  {
    id: 'listMetrics',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}',
    summary: "The user's values over time",
    description:
      'Follow `next_cursor` with the same parameters until it is null. Users without a connection have no values, which is no error. `format` or `Accept` chooses JSON, CSV or FHIR. A page that is not the last has a `Link` to the next, and as CSV a file name that ends in `part`.',
    query: queries.metricQuery,
    answers: [
      versioned(
        json(200, 'A page of values.', contract.metricList, {
          data: [WEIGHT, renderMetric(bmi, 'metric')],
          next_cursor: null,
        }),
        VALUES_CSV,
        FHIR,
      ),
      UNCHANGED,
    ],
    problems: ['not_acceptable'],
  },
  {
    id: 'getLatestMetrics',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}/latest',
    summary: 'The newest value of each metric',
    description:
      'Of those measured by now: a value dated ahead counts when its time comes. A filled-in value, such as the fat ratio of 0 that Withings adds to a typed-in weight, is skipped.',
    query: queries.latestQuery,
    answers: [
      versioned(
        json(200, 'By metric, with how old it is.', contract.latestMetrics, {
          data: {
            weight: { ...WEIGHT, age_seconds: 3600 },
            bmi: { ...renderMetric(bmi, 'metric'), age_seconds: 3600 },
          },
          history_complete_from: null,
        }),
        VALUES_CSV,
        FHIR,
      ),
      UNCHANGED,
    ],
    problems: ['not_acceptable'],
  },
  {
    id: 'getMetricChanges',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}/delta',
    summary: 'How far each metric went between two moments',
    description: 'Without `to`, up to now. Filled-in values (`0 %` of fat) do not count.',
    query: queries.metricChangesQuery,
    answers: [
      versioned(
        json(200, 'The changes.', contract.metricChanges, {
          data: [renderChange({ ambiguous: false, first: monthBefore, last: weight }, 'metric')],
        }),
      ),
      UNCHANGED,
    ],
    problems: ['not_acceptable'],
  },
  ...Object.entries(PERIODS).map(([name, { of, example }]): Untagged => ({
    id: `get${name.charAt(0).toUpperCase()}${name.slice(1)}Metrics`,
    method: 'get',
    path: `/apps/{app_id}/metrics/{user_id}/${name}`,
    summary: `Values by ${of}`,
    description:
      "Days are the user's local days, each value's by the time zone where it was measured; no parameter changes the zone. Filled-in values (`0 %` of fat) do not count. A period that `from` or `to` cuts is `partial`. `format` or `Accept` chooses JSON or CSV.",
    query: queries.metricPeriodsQuery,
    answers: [
      versioned(
        json(200, 'The periods that have values.', contract.metricPeriods, {
          data: [renderPeriod(example, 'metric')],
        }),
        csv(periodsAsCsv([example], 'metric', { decimal: 'point' })),
      ),
      UNCHANGED,
    ],
    problems: ['not_acceptable'],
  })),
  {
    id: 'getMetricCatalog',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}/catalog',
    summary: 'Every metric there is',
    description: 'With its unit, and its codes in other vocabularies. The same for every user.',
    query: queries.metricCatalogQuery,
    answers: [
      json(200, 'The metrics.', contract.metricCatalog, {
        data: renderCatalog().data.filter(({ metric }) => metric === 'weight'),
      }),
    ],
    problems: ['not_acceptable'],
  },
]);

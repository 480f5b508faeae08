import * as z from 'zod';

import { type Answer, type AnswerContent, empty, json, type Operation } from '../reference/operation.ts';
import * as contract from './contract.ts';

/** A value as an example of one. */
export const WEIGHT = {
  metric: 'weight',
  value: 68.2,
  unit: 'kg',
  measured_at: '2026-06-15T07:12:09+02:00',
  group_id: 6437845643,
  derived: false,
  source: { device: 'Body+', attribution: 'device' },
};
const BMI = {
  ...WEIGHT,
  metric: 'bmi',
  value: 24.16,
  unit: 'kg/m²',
  derived: true,
  derived_from: ['weight', 'height'],
};
const CHANGE = {
  metric: 'weight',
  unit: 'kg',
  change: -1.3,
  first: { value: 69.5, measured_at: '2026-05-16T07:03:41+02:00', group_id: 6390112075 },
  last: { value: 68.2, measured_at: WEIGHT.measured_at, group_id: WEIGHT.group_id },
  ambiguous: false,
  derived: false,
};
const MONTH = {
  metric: 'weight',
  unit: 'kg',
  period: '2026-06',
  first_day: '2026-06-01',
  last_day: '2026-06-30',
  first: 68.9,
  last: 68.2,
  min: 68,
  max: 69.1,
  mean: 68.5,
  count: 15,
  carried_forward: false,
  partial: false,
  ambiguous: false,
  derived: false,
};
const WEEK = { ...MONTH, period: '2026-W25', first_day: '2026-06-15', last_day: '2026-06-21', count: 1 };
const DAY = { ...MONTH, period: '2026-06-15', first_day: '2026-06-15', last_day: '2026-06-15', count: 1 };

const CSV: AnswerContent = {
  type: 'text/csv',
  example:
    'metric,value,unit,local_time,measured_at,segment,group_id,derived_from,device,attribution,attribution_code\r\nweight,68.2,kg,2026-06-15 07:12:09,2026-06-15T07:12:09+02:00,,6437845643,,Body+,device,\r\n',
};
const PERIOD_CSV: AnswerContent = {
  type: 'text/csv',
  example:
    'metric,period,first_day,last_day,unit,first,last,min,max,mean,count,segment,derived_from,partial,ambiguous\r\nweight,2026-06-15,2026-06-15,2026-06-15,kg,68.2,68.2,68.2,68.2,68.2,1,,,false,false\r\n',
};
const FHIR: AnswerContent = {
  type: 'application/fhir+json',
  schema: z
    .looseObject({
      resourceType: z.literal('Bundle').describe('What kind of resource this is.'),
      type: z.literal('searchset').describe('What kind of bundle this is.'),
    })
    .describe('An HL7 FHIR R4 searchset Bundle of Observations.'),
  example: { resourceType: 'Bundle', type: 'searchset', link: [] },
};

/** An answer that has an `ETag`, in JSON and in other forms. */
const versioned = (answer: Answer, ...others: readonly AnswerContent[]): Answer => ({
  ...answer,
  headers: ['ETag', ...(others.includes(FHIR) ? (['Link'] as const) : [])],
  contents: [...(answer.contents ?? []), ...others],
});
const UNCHANGED: Answer = {
  ...empty(304, 'Nothing changed since the answer with this `ETag`, and nothing was read.'),
  headers: ['ETag'],
};

const BY_KEY_OR_TOKEN = { kind: 'app_key', scope: 'read', userTokens: true } as const;

/** The metrics API: a user's body data over time. */
export const METRIC_OPERATIONS: readonly Operation[] = [
  {
    id: 'listMetrics',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}',
    tag: 'Metrics',
    summary: "The user's values over time",
    description:
      'Follow `next_cursor` with the same parameters until it is null. Users without a connection have no values, which is no error. `Accept` chooses JSON, CSV or FHIR.',
    auth: BY_KEY_OR_TOKEN,
    query: contract.metricQuery,
    answers: [
      versioned(
        json(200, 'A page of values.', contract.metricList, { data: [WEIGHT, BMI], next_cursor: null }),
        CSV,
        FHIR,
      ),
      UNCHANGED,
    ],
  },
  {
    id: 'getLatestMetrics',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}/latest',
    tag: 'Metrics',
    summary: 'The newest value of each metric',
    description:
      'Of those measured by now: a value dated ahead counts when its time comes. A value that nobody measured, such as the fat ratio of 0 that Withings adds to a typed-in weight, is passed over.',
    auth: BY_KEY_OR_TOKEN,
    query: contract.latestQuery,
    answers: [
      versioned(
        json(200, 'By metric, with how old it is.', contract.latestMetrics, {
          data: { weight: { ...WEIGHT, age_seconds: 3600 } },
          history_complete_from: null,
        }),
        CSV,
        FHIR,
      ),
      UNCHANGED,
    ],
  },
  {
    id: 'getMetricChanges',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}/delta',
    tag: 'Metrics',
    summary: 'How far each metric went between two moments',
    description: 'Without `to`, up to now. Values that nobody measured (`0 %` of fat) do not count.',
    auth: BY_KEY_OR_TOKEN,
    query: contract.metricChangesQuery,
    answers: [versioned(json(200, 'The changes.', contract.metricChanges, { data: [CHANGE] })), UNCHANGED],
  },
  ...(['daily', 'weekly', 'monthly'] as const).map((name): Operation => {
    const of = { daily: DAY, weekly: WEEK, monthly: MONTH };
    const length = { daily: 'day', weekly: 'ISO week', monthly: 'month' };
    return {
      id: `get${name.charAt(0).toUpperCase()}${name.slice(1)}Metrics`,
      method: 'get',
      path: `/apps/{app_id}/metrics/{user_id}/${name}`,
      tag: 'Metrics',
      summary: `Values by ${length[name]}`,
      description:
        "Days are the user's local days. Values that nobody measured (`0 %` of fat) do not count. A period that `from` or `to` cuts is `partial`.",
      auth: BY_KEY_OR_TOKEN,
      query: contract.metricPeriodsQuery,
      answers: [
        versioned(json(200, 'The periods that have values.', contract.metricPeriods, { data: [of[name]] }), PERIOD_CSV),
        UNCHANGED,
      ],
    };
  }),
  {
    id: 'getMetricCatalog',
    method: 'get',
    path: '/apps/{app_id}/metrics/{user_id}/catalog',
    tag: 'Metrics',
    summary: 'Every metric there is',
    description: 'With its unit, and its codes in other vocabularies. The same for every user.',
    auth: BY_KEY_OR_TOKEN,
    answers: [
      json(200, 'The metrics.', contract.metricCatalog, {
        data: [
          {
            metric: 'weight',
            unit: 'kg',
            imperial_unit: 'lb',
            group: 'body_composition',
            description: 'Body weight',
            ucum: 'kg',
            loinc: { code: '29463-7', display: 'Body weight' },
            healthkit: 'HKQuantityTypeIdentifierBodyMass',
            withings_type: 1,
            derived: false,
            segment: false,
          },
        ],
      }),
    ],
  },
];

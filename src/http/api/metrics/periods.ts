import { type Context, Hono } from 'hono';

import { type PeriodQuery, readMetricPeriods } from '../../../broker/metrics/read-metric-periods.ts';
import type { Failure } from '../../../domain/failure.ts';
import { localDay } from '../../../domain/metrics/local-time.ts';
import type { PeriodLength } from '../../../domain/metrics/metric-period.ts';
import { wholeDaysOf } from '../../../domain/metrics/time-range.ts';
import { ok, type Result } from '../../../domain/result.ts';
import { SECOND_MS } from '../../../domain/time.ts';
import type { HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { type ForUser, forUser } from '../admission/admit-user.ts';
import { valid } from '../validate.ts';
import { periodsAsCsv } from './csv.ts';
import { renderPeriod } from './json.ts';
import { rangeOf, selectionOf } from './parameters.ts';
import { metricPeriodsQuery, type MetricPeriodsParameters } from './queries.ts';
import { answerCsv, type InForm, inForm, notModified } from './representation.ts';

/** Body data by the user's local days, ISO weeks and months. */
export const periodsApi = new Hono<HttpEnv>();

periodsApi.get('/:user_id/daily', forUser('read'), valid('query', metricPeriodsQuery), inForm('json', 'csv'), (c) =>
  answer(c, c.req.valid('query'), 'day'),
);
periodsApi.get('/:user_id/weekly', forUser('read'), valid('query', metricPeriodsQuery), inForm('json', 'csv'), (c) =>
  answer(c, c.req.valid('query'), 'week'),
);
periodsApi.get('/:user_id/monthly', forUser('read'), valid('query', metricPeriodsQuery), inForm('json', 'csv'), (c) =>
  answer(c, c.req.valid('query'), 'month'),
);

const answer = async (
  c: Context<ForUser & InForm>,
  parameters: MetricPeriodsParameters,
  length: PeriodLength,
): Promise<Response> => {
  const { connection } = c.get('user');
  const timeZone = connection?.timeZone ?? 'UTC';
  const today = localDay(Math.floor(c.get('deps').now() / SECOND_MS), timeZone);
  const query = queryOf(parameters, length, timeZone, today);
  if (!query.ok) return answerFailure(c, query.failure);
  const form = c.get('form');
  if (connection !== undefined) {
    const version = [connection.id, connection.dataVersion, timeZone, form, query.value.filling?.untilDay ?? ''];
    if (notModified(c, version)) return c.body(null, 304);
  }
  const periods =
    connection === undefined
      ? ok([])
      : await readMetricPeriods(c.get('deps'), c.get('user'), connection.id, query.value);
  if (!periods.ok) return answerFailure(c, periods.failure);
  if (form === 'csv') {
    const days = periods.value.flatMap(({ firstDay, lastDay }) => [firstDay, lastDay]);
    const table = periodsAsCsv(periods.value, parameters.units, parameters);
    return answerCsv(c, table, { userId: c.get('user').userId, days, isWhole: true });
  }
  return c.json({ data: periods.value.map((period) => renderPeriod(period, parameters.units)) });
};

const queryOf = (
  parameters: MetricPeriodsParameters,
  length: PeriodLength,
  timeZone: string,
  today: string,
): Result<PeriodQuery, Failure> => {
  const selection = selectionOf(parameters);
  if (!selection.ok) return selection;
  const range = rangeOf(parameters);
  if (!range.ok) return range;
  const { order, from, to, carry_forward: fills } = parameters;
  const { fromSeconds, toSeconds, firstDay, lastDay } = range.value;
  const end = to === undefined ? today : (lastDay ?? localDay(toSeconds, timeZone));
  return ok({
    selection: selection.value,
    ...range.value,
    order,
    length,
    wholeDays: wholeDaysOf(range.value, timeZone),
    filling:
      fills === 'false'
        ? undefined
        : {
            fromDay: from === undefined ? undefined : (firstDay ?? localDay(fromSeconds, timeZone)),
            // The future is not a gap.
            untilDay: end < today ? end : today,
          },
  });
};

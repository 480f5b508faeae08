import { Hono } from 'hono';

import type { Admitted } from '../../broker/authenticate.ts';
import { readLatestMetrics, readMetrics } from '../../broker/read-metrics.ts';
import type { Failure } from '../../domain/failure.ts';
import { parseInstant } from '../../domain/local-time.ts';
import { type MetricQuery, metricsByNames } from '../../domain/metric-query.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { HttpContext, HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import { metricQuery, type MetricQueryParameters } from './contract.ts';
import { readCursor, writeCursor } from './metric-cursor.ts';
import { renderMetric } from './render.ts';
import { admitPath } from './user-param.ts';
import { valid } from './validate.ts';

/** The metrics API: a user's body data over time. Users without a connection have none, which is no error. */
export const metricsApi = new Hono<HttpEnv>();

/** A page of values; see `metricQuery` for what may be asked. */
metricsApi.get('/:user_id', valid('query', metricQuery), async (c) => {
  const admitted = await admitPath(c, 'read');
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  const { connection } = admitted.value;
  const parameters = c.req.valid('query');
  const question = questionOf(admitted.value, parameters);
  const query = queryOf(parameters, question, connection?.timeZone ?? 'UTC');
  if (!query.ok) return answerFailure(c, query.failure);
  if (connection === undefined) return c.json({ data: [], next_cursor: null });
  if (isUnchanged(c, connection)) return c.body(null, 304);
  const page = await readMetrics(c.env.deps, connection.id, query.value);
  if (!page.ok) return answerFailure(c, page.failure);
  const { values, next } = page.value;
  return c.json({
    data: values.map(renderMetric),
    next_cursor: next === undefined ? null : writeCursor(next, question),
  });
});

/** The newest value of each metric. */
metricsApi.get('/:user_id/latest', async (c) => {
  const admitted = await admitPath(c, 'read');
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  const { connection } = admitted.value;
  if (connection === undefined) return c.json({ data: {} });
  if (isUnchanged(c, connection)) return c.body(null, 304);
  const latest = await readLatestMetrics(c.env.deps, connection.id);
  if (!latest.ok) return answerFailure(c, latest.failure);
  const data = Object.fromEntries(Object.entries(latest.value).map(([name, value]) => [name, renderMetric(value)]));
  return c.json({ data });
});

/**
 * Sets the validator (RFC 9110, 8.8.3) and says whether the client has this answer already. It follows from the connection's data version
 * alone, so the rows are not read; the URL it is for says the rest.
 */
const isUnchanged = (c: HttpContext, connection: { id: number; dataVersion: number }): boolean => {
  const etag = `"${connection.id.toString(36)}-${connection.dataVersion.toString(36)}"`;
  c.header('ETag', etag);
  c.header('Cache-Control', 'private, no-cache');
  const known = (c.req.header('If-None-Match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes(etag) || known.includes('*');
};

/** What a cursor belongs to: everything but where the page begins and how long it is. */
const questionOf = ({ appId, userId }: Admitted, { metric, from, to, order }: MetricQueryParameters): string =>
  JSON.stringify([appId, userId, metric ?? '', from ?? '', to ?? '', order]);

/** Further than any measurement, and still an exact integer in SQLite and JavaScript. */
const LAST_SECOND = 253_402_300_799;

const queryOf = (
  parameters: MetricQueryParameters,
  question: string,
  timeZone: string,
): Result<MetricQuery, Failure> => {
  const { order, limit } = parameters;
  const metrics = metricsByNames(parameters.metric?.split(',').map((name) => name.trim()));
  if (!metrics.ok)
    return invalid(
      'metric',
      'It has a name that no metric has. Names are lower case with underscores, such as weight, bmi, fat_ratio, muscle_mass.',
    );
  const from = boundOf('from', parameters.from, timeZone, 'start', 0);
  if (!from.ok) return from;
  const to = boundOf('to', parameters.to, timeZone, 'end', LAST_SECOND);
  if (!to.ok) return to;
  if (from.value > to.value) return invalid('from', 'It lies after `to`.');
  const after = parameters.cursor === undefined ? undefined : readCursor(parameters.cursor, question);
  if (parameters.cursor !== undefined && after === undefined) {
    return invalid(
      'cursor',
      'It is not a cursor of this question. Start without one, and keep the other parameters between pages.',
    );
  }
  return ok({ metrics: metrics.value, fromSeconds: from.value, toSeconds: to.value, order, limit, after });
};

const boundOf = (
  parameter: string,
  text: string | undefined,
  timeZone: string,
  edge: 'start' | 'end',
  whenAbsent: number,
): Result<number, Failure> => {
  if (text === undefined) return ok(whenAbsent);
  const parsed = parseInstant(text, timeZone, edge);
  return parsed.ok ? parsed : invalid(parameter, `It ${parsed.failure.reason}.`);
};

const invalid = (parameter: string, detail: string) => fail({ kind: 'invalid_parameter', parameter, detail } as const);

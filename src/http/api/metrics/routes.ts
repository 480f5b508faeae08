import { Hono } from 'hono';

import type { AuthorizedRequest } from '../../../broker/access/authenticate.ts';
import { readMetricChanges } from '../../../broker/metrics/read-metric-delta.ts';
import {
  latestMetricsReader,
  metricsReader,
  readLatestMetrics,
  readMetrics,
} from '../../../broker/metrics/read-metrics.ts';
import type { Failure } from '../../../domain/failure.ts';
import { localDay } from '../../../domain/metrics/local-time.ts';
import type { MetricQuery } from '../../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { ok, type Result } from '../../../domain/result.ts';
import { HOUR_MS, toSeconds } from '../../../domain/time.ts';
import type { HttpContext, HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { publicUrl } from '../../public-url.ts';
import { forBodyData, forUser } from '../admission/admit-user.ts';
import { instantOrNull } from '../instant.ts';
import { parsedQuery, valid } from '../validate.ts';
import { valuesAsCsv } from './csv.ts';
import { metricCursor, questionHash } from './cursor.ts';
import { asFhirBundle } from './fhir.ts';
import { renderCatalog, renderChange, renderMetric, type Units } from './json.ts';
import { invalidParameter, rangeOf, selectionOf } from './parameters.ts';
import { periodsApi } from './periods.ts';
import {
  type CsvParameters,
  latestQuery,
  metricCatalogQuery,
  metricChangesQuery,
  metricQuery,
  type MetricQueryParameters,
} from './queries.ts';
import { answerCsv, FORM_TYPES, heldVersion, inForm, notModified, setValidUntil } from './representation.ts';

/** The metrics API: a user's body data over time. Users without a connection have none, which is not an error. */
export const metricsApi = new Hono<HttpEnv>();

/** Reads the page with the admission. */
const pageReader = (c: HttpContext) => {
  const parameters = parsedQuery(c, metricQuery);
  const query = parameters && queryOf(parameters);
  return query?.ok === true ? { held: heldVersion(c), of: metricsReader(c.get('deps'), query.value) } : undefined;
};

/** Reads the newest values with the admission. */
const latestReader = (c: HttpContext) => {
  const parameters = parsedQuery(c, latestQuery);
  const selection = parameters && selectionOf({ metric: parameters.metric });
  return selection?.ok === true
    ? { held: heldVersion(c), of: latestMetricsReader(c.get('deps'), selection.value) }
    : undefined;
};

/** A page of values as JSON, CSV or FHIR; see `metricQuery` for what may be asked. */
metricsApi.get(
  '/:user_id',
  forBodyData('read', pageReader),
  valid('query', metricQuery),
  inForm('json', 'csv', 'fhir'),
  async (c) => {
    const { connection, data } = c.get('user');
    const parameters = c.req.valid('query');
    const { units } = parameters;
    const question = await questionOf(c.get('user'), parameters);
    const query = queryOf(parameters);
    if (!query.ok) return answerFailure(c, query.failure);
    if (parameters.cursor !== undefined && parameters.cursor[0] !== question) return answerFailure(c, foreignCursor);
    const form = c.get('form');
    if (connection !== undefined) {
      const { id, dataVersion } = connection;
      if (notModified(c, [id, dataVersion, form])) return c.body(null, 304);
    }
    const page =
      connection === undefined
        ? ok({ values: [], next: undefined })
        : await (data === undefined ? readMetrics(c.get('deps'), connection.id, query.value) : ok(data));
    if (!page.ok) return answerFailure(c, page.failure);

    const { values, next } = page.value;
    const cursor =
      next === undefined ? undefined : metricCursor.encode([question, next.measuredAtSeconds, next.groupId, next.rank]);
    const nextUrl = cursor && nextUrlOf(c, cursor);
    if (nextUrl !== undefined) c.header('Link', `<${nextUrl}>; rel="next"`);
    if (form === 'csv') return answerValues(c, c.get('user'), values, parameters, next === undefined);
    if (form === 'fhir') return answerFhir(c, c.get('user'), values, units, nextUrl);
    return c.json({ data: values.map((value) => renderMetric(value, units)), next_cursor: cursor ?? null });
  },
);

/** The newest value of each metric of the whole body, and how old it is. */
metricsApi.get(
  '/:user_id/latest',
  forBodyData('read', latestReader),
  valid('query', latestQuery),
  inForm('json', 'csv', 'fhir'),
  async (c) => {
    const { connection, data } = c.get('user');
    const parameters = c.req.valid('query');
    const { metric, units } = parameters;
    const selection = selectionOf({ metric });
    if (!selection.ok) return answerFailure(c, selection.failure);
    const form = c.get('form');
    const deps = c.get('deps');
    const nowSeconds = toSeconds(deps.now());
    const completeFrom = connection?.historyCompleteFrom;
    const version = [connection?.id ?? 0, connection?.dataVersion ?? 0, form, completeFrom ?? ''];
    if (connection !== undefined && notModified(c, version, nowSeconds)) return c.body(null, 304);
    const latest =
      connection === undefined
        ? ok({ values: [], untilSeconds: undefined })
        : await (data === undefined ? readLatestMetrics(deps, connection.id, selection.value) : ok(data));
    if (!latest.ok) return answerFailure(c, latest.failure);
    const { values, untilSeconds } = latest.value;
    setValidUntil(c, version, untilSeconds);
    if (form === 'csv') return answerValues(c, c.get('user'), values, parameters, true);
    if (form === 'fhir') return answerFhir(c, c.get('user'), values, units, undefined);
    const byName = values.map((value) => {
      const rendered = { ...renderMetric(value, units), age_seconds: nowSeconds - value.measuredAtSeconds };
      return [value.name, rendered] as const;
    });
    return c.json({ data: Object.fromEntries(byName), history_complete_from: instantOrNull(completeFrom) });
  },
);

/** How far each metric went between two moments. */
metricsApi.get('/:user_id/delta', forUser('read'), valid('query', metricChangesQuery), inForm('json'), async (c) => {
  const { connection } = c.get('user');
  const parameters = c.req.valid('query');
  const selection = selectionOf(parameters);
  if (!selection.ok) return answerFailure(c, selection.failure);
  const deps = c.get('deps');
  // Without an end it is now: what is dated ahead has not changed anything yet.
  const to = parameters.to ?? new Date(deps.now()).toISOString();
  const range = rangeOf({ ...parameters, to });
  if (!range.ok) return answerFailure(c, range.failure);
  if (connection === undefined) return c.json({ data: [] });
  const hour = parameters.to === undefined ? Math.floor(deps.now() / HOUR_MS) : '';
  if (notModified(c, [connection.id, connection.dataVersion, hour])) return c.body(null, 304);
  const changes = await readMetricChanges(deps, connection.id, { selection: selection.value, ...range.value });
  if (!changes.ok) return answerFailure(c, changes.failure);
  return c.json({ data: changes.value.map((change) => renderChange(change, parameters.units)) });
});

/** Every metric there is, with its unit and its codes in other vocabularies. */
metricsApi.get('/:user_id/catalog', forUser('read'), valid('query', metricCatalogQuery), inForm('json'), (c) =>
  c.json(renderCatalog()),
);

metricsApi.route('/', periodsApi);

const answerValues = (
  c: HttpContext,
  { userId }: AuthorizedRequest,
  values: readonly MetricValue[],
  parameters: CsvParameters & { units: Units },
  isWhole: boolean,
): Response => {
  const days = values.map(({ measuredAtSeconds, timeZone }) => localDay(measuredAtSeconds, timeZone));
  return answerCsv(c, valuesAsCsv(values, parameters.units, parameters), { userId, days, isWhole });
};

const answerFhir = (
  c: HttpContext,
  { appId, userId }: AuthorizedRequest,
  values: readonly MetricValue[],
  units: Units,
  nextUrl: string | undefined,
): Response => {
  const origin = publicUrl(c);
  const { pathname, search } = new URL(c.req.url);
  const bundle = asFhirBundle(values, units, {
    appId,
    userId,
    baseUrl: `${origin}/apps/${appId}/metrics/${encodeURIComponent(userId)}`,
    selfUrl: `${origin}${pathname}${search}`,
    nextUrl,
  });
  return c.body(JSON.stringify(bundle), 200, { 'Content-Type': FORM_TYPES.fhir });
};

/** This page's URL, with the cursor of the next one. */
const nextUrlOf = (c: HttpContext, cursor: string): string => {
  const { pathname, searchParams } = new URL(c.req.url);
  searchParams.set('cursor', cursor);
  return `${publicUrl(c)}${pathname}?${searchParams.toString()}`;
};

/** The query of a cursor: everything except the page's start, size and format. */
const questionOf = (
  { appId, userId }: AuthorizedRequest,
  { metric, from, to, order, include, exclude }: MetricQueryParameters,
) => questionHash([appId, userId, metric, from, to, order, include, exclude]);

const { failure: foreignCursor } = invalidParameter(
  'cursor',
  'It is not a cursor of this question. Start without one, and keep the other parameters between pages.',
);

const queryOf = (parameters: MetricQueryParameters): Result<MetricQuery, Failure> => {
  const { order, limit, cursor } = parameters;
  const selection = selectionOf(parameters);
  if (!selection.ok) return selection;
  const range = rangeOf(parameters);
  if (!range.ok) return range;
  const after = cursor && { measuredAtSeconds: cursor[1], groupId: cursor[2], rank: cursor[3] };
  return ok({ selection: selection.value, ...range.value, order, limit, after });
};

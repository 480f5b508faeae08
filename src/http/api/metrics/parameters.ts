import type { Failure } from '../../../domain/failure.ts';
import { type Bound, parseBound } from '../../../domain/metrics/local-time.ts';
import { type MetricSelection, selectMetrics } from '../../../domain/metrics/metric-query.ts';
import { METRICS } from '../../../domain/metrics/metric.ts';
import { isReversed, rangeBetween, type TimeRange } from '../../../domain/metrics/time-range.ts';
import { fail, ok, type Result } from '../../../domain/result.ts';
import { nearestName } from '../nearest-name.ts';
import type { MetricRangeParameters, MetricSelectionParameters } from './queries.ts';

/** Interprets the metrics API's parameters. Each failure names the wrong parameter. */

export const invalidParameter = (parameter: string, detail: string) =>
  fail({ kind: 'invalid_parameter', parameter, detail } as const);

type Selecting = Pick<MetricSelectionParameters, 'metric'> & Partial<MetricSelectionParameters>;

export const selectionOf = ({ metric, include, exclude }: Selecting): Result<MetricSelection, Failure> => {
  const included = wordsOf(include);
  const excluded = wordsOf(exclude);
  if (included.includes('manual') && excluded.includes('manual')) {
    return invalidParameter('exclude', 'It leaves out what `include` asks for.');
  }
  const names = metric === undefined ? undefined : wordsOf(metric);
  const selection = selectMetrics(names, {
    ambiguous: included.includes('ambiguous'),
    segments: included.includes('segments'),
    manual: !excluded.includes('manual'),
  });
  if (selection.ok) return selection;
  const { unknown } = selection.failure;
  const nearest = nearestName(unknown, KNOWN_NAMES);
  const hint = nearest === undefined ? '' : ` Did you mean \`${nearest}\`?`;
  return invalidParameter(
    'metric',
    `It has ${unknown === '' ? 'an empty name' : 'a name that no metric and no group of metrics has'}.${hint} Names are lower case with underscores, such as weight, bmi, fat_ratio, muscle_mass; …/catalog lists them.`,
  );
};

/** What `metric` may name. */
const KNOWN_NAMES = [...METRICS.map(({ name }) => name), ...METRICS.map(({ group }) => group), 'all'];

const wordsOf = (list: string | undefined): string[] => list?.split(',').map((word) => word.trim()) ?? [];

/** The requested interval, both ends inclusive. Dates are local days of the measurement's time zone. */
export const rangeOf = ({ from, to }: Pick<MetricRangeParameters, 'from' | 'to'>): Result<TimeRange, Failure> => {
  const first = boundOf('from', from, 'start');
  if (!first.ok) return first;
  const last = boundOf('to', to, 'end');
  if (!last.ok) return last;
  const range = rangeBetween(first.value, last.value);
  return isReversed(range) ? invalidParameter('from', 'It lies after `to`.') : ok(range);
};

const boundOf = (
  parameter: string,
  text: string | undefined,
  edge: 'start' | 'end',
): Result<Bound | undefined, Failure> => {
  if (text === undefined) return ok(undefined);
  const parsed = parseBound(text, edge);
  return parsed.ok ? parsed : invalidParameter(parameter, `It ${parsed.failure.reason}.`);
};

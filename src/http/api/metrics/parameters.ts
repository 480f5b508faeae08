import type { Failure } from '../../../domain/failure.ts';
import { parseInstant } from '../../../domain/metrics/local-time.ts';
import { type MetricSelection, selectMetrics } from '../../../domain/metrics/metric-query.ts';
import { fail, ok, type Result } from '../../../domain/result.ts';
import type { EpochSeconds } from '../../../domain/time.ts';
import type { MetricRangeParameters, MetricSelectionParameters } from './contract.ts';

/** What the metrics API's parameters mean. Each failure names the parameter that is at fault. */

export const invalidParameter = (parameter: string, detail: string) =>
  fail({ kind: 'invalid_parameter', parameter, detail } as const);

type Selecting = Pick<MetricSelectionParameters, 'metric'> & Partial<MetricSelectionParameters>;

/** Which values are asked for. */
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
  return invalidParameter(
    'metric',
    `It has ${selection.failure.unknown === '' ? 'an empty name' : 'a name that no metric and no group of metrics has'}. Names are lower case with underscores, such as weight, bmi, fat_ratio, muscle_mass; …/catalog lists them.`,
  );
};

const wordsOf = (list: string | undefined): string[] => list?.split(',').map((word) => word.trim()) ?? [];

/** Further than any measurement, and still an exact integer in SQLite and JavaScript. */
const LAST_SECOND = 253_402_300_799;
/** Nothing that a calendar expresses comes before. */
const FIRST_SECOND = -62_135_596_800;

/** The interval that is asked for, both ends inclusive; dates are the user's local days. */
export const rangeOf = (
  { from, to }: Pick<MetricRangeParameters, 'from' | 'to'>,
  timeZone: string,
): Result<{ fromSeconds: EpochSeconds; toSeconds: EpochSeconds }, Failure> => {
  const first = boundOf('from', from, timeZone, 'start', FIRST_SECOND);
  if (!first.ok) return first;
  const last = boundOf('to', to, timeZone, 'end', LAST_SECOND);
  if (!last.ok) return last;
  if (first.value > last.value) return invalidParameter('from', 'It lies after `to`.');
  return ok({ fromSeconds: first.value, toSeconds: last.value });
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
  return parsed.ok ? parsed : invalidParameter(parameter, `It ${parsed.failure.reason}.`);
};

import type { Failure } from '../../domain/failure.ts';
import type { Span } from '../../domain/metrics/time-range.ts';
import { ok, type Result } from '../../domain/result.ts';
import { DAY_MS, type EpochSeconds, SECOND_MS } from '../../domain/time.ts';
import type { SeriesRange } from '../../store/metrics/series.ts';
import { type SeriesSample, seriesSamples, VALUES_AT_MOMENT } from '../../store/metrics/spans.ts';
import type { Deps } from '../deps.ts';

/**
 * Estimates from a few values whether a range has too many for a summary. SQLite counts by reading, and a refused
 * request must not cost as much as an answered one. Withings' scales began in 2009, and a person is measured about once
 * a day.
 */

const DAY_SECONDS = DAY_MS / SECOND_MS;
const FIRST_SCALE_SECONDS = Date.UTC(2009, 0, 1) / SECOND_MS;
/**
 * An estimate of more than one value a day has to exceed the limit by this much: if the moments fall on values, four
 * values are counted for the time of three.
 */
const MARGIN = 1.4;

/** Whether a range has more than `most` values, if each series has one on each day. */
export const mayBeTooLarge = (deps: Deps, { fromSeconds, toSeconds, series }: SeriesRange, most: number): boolean => {
  const latest = Math.min(toSeconds, Math.floor(deps.now() / SECOND_MS));
  const days = (latest - Math.max(fromSeconds, FIRST_SCALE_SECONDS)) / DAY_SECONDS;
  return days * series.length > most;
};

/**
 * Whether a range certainly has more than `most` values: each series has about one value on each day, or each was seen
 * to have more. If in doubt false; then the values are counted as they are read. Reads a few rows for each series and
 * 16 more. If one series is denser than one a day, or typed-in values are left out, it reads 16 for each.
 */
export const isTooLarge = async (deps: Deps, asked: SeriesRange, most: number): Promise<Result<boolean, Failure>> => {
  const range = { ...asked, ...decided(asked) };
  // Of typed-in values, one series may have none and another nothing else.
  if (range.manual) {
    const found = await seriesSamples(deps.db, range, 'longest');
    if (!found.ok) return found;
    const seriesDays = sum(found.value.map(daysOf));
    const longest = found.value.find(({ seconds }) => seconds.length > 0);
    if (longest === undefined) return ok(false);
    // That it has more than one a day may be so of this series alone.
    if (seriesDays * mean(densitiesOf(longest).map((density) => Math.min(1, density))) > most) return ok(true);
    if (seriesDays * usualDensity(longest) <= most * MARGIN) return ok(false);
  }
  const each = await seriesSamples(deps.db, range, 'each');
  if (!each.ok) return each;
  return ok(sum(each.value.map((sample) => daysOf(sample) * usualDensity(sample))) > most * MARGIN);
};

/** The part of a range whose values are surely in it. */
const decided = ({ fromSeconds, toSeconds, undecided }: SeriesRange): Span => ({
  fromSeconds: Math.max(fromSeconds, ...undecided.filter(contains(fromSeconds)).map((span) => span.toSeconds)),
  toSeconds: Math.min(toSeconds, ...undecided.filter(contains(toSeconds)).map((span) => span.fromSeconds)),
});

const contains = (seconds: EpochSeconds) => (span: Span) => span.fromSeconds <= seconds && seconds <= span.toSeconds;

const daysOf = ({ oldestSeconds, newestSeconds }: SeriesSample): number =>
  (newestSeconds - oldestSeconds) / DAY_SECONDS;

/** Values a day at each moment. */
const densitiesOf = ({ seconds }: SeriesSample): number[] =>
  seconds.map((time) => (time === undefined ? 0 : (VALUES_AT_MOMENT * DAY_SECONDS) / Math.max(1, time)));

/** Values a day. A few that were taken within minutes count little beside the other moments. */
const usualDensity = (sample: SeriesSample): number => {
  const densities = densitiesOf(sample).sort((a, b) => a - b);
  const median = densities[Math.floor((densities.length - 1) / 2)] ?? 0;
  return mean(densities.map((density) => Math.min(density, 2 * median)));
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const mean = (numbers: readonly number[]): number => sum(numbers) / Math.max(1, numbers.length);

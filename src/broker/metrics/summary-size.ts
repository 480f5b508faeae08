import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { DAY_MS, type EpochSeconds, SECOND_MS } from '../../domain/time.ts';
import type { SeriesRange } from '../../store/metrics/series.ts';
import { seriesSpans, timeOfNext } from '../../store/metrics/spans.ts';
import type { Deps } from '../deps.ts';

/**
 * Estimates from a few values whether a range has too many for a summary. SQLite counts by reading, and a refused
 * request must not cost as much as an answered one. Withings' scales began in 2009, and a person is measured about once
 * a day.
 */

const DAY_SECONDS = DAY_MS / SECOND_MS;
const FIRST_SCALE_SECONDS = Date.UTC(2009, 0, 1) / SECOND_MS;

/** At this many times a value is looked up. */
const PROBES = 5;
const VALUES_PER_PROBE = 4;

/**
 * Whether a range certainly has more than `most` values: each series has about one value on each day. If in doubt
 * false; then the values are counted as they are read. Reads two rows for each series if the range could have that
 * many, and 20 more if it spans that many days.
 */
export const isTooLarge = async (
  deps: Deps,
  connectionId: ConnectionId,
  range: SeriesRange,
  most: number,
): Promise<Result<boolean, Failure>> => {
  const { fromSeconds, toSeconds } = range;
  const latest = Math.min(toSeconds, Math.floor(deps.now() / SECOND_MS));
  const days = (latest - Math.max(fromSeconds, FIRST_SCALE_SECONDS)) / DAY_SECONDS;
  // What is excluded by the query is known only after reading.
  if (!range.manual || days * range.series.length <= most) return ok(false);
  const found = await seriesSpans(deps.db, range);
  if (!found.ok) return found;
  const spans = [...found.value.values()].map(({ series, oldestSeconds, newestSeconds }) => ({
    series,
    oldestSeconds,
    days: (newestSeconds - oldestSeconds) / DAY_SECONDS,
  }));
  const seriesDays = spans.reduce((sum, span) => sum + span.days, 0);
  const [longest] = spans.toSorted((a, b) => b.days - a.days);
  if (longest === undefined || seriesDays <= most) return ok(false);
  const step = (longest.days * DAY_SECONDS) / PROBES;
  const moments = Array.from({ length: PROBES }, (_, index) => Math.floor(longest.oldestSeconds + index * step));
  const times = await timeOfNext(deps.db, connectionId, longest.series, moments, VALUES_PER_PROBE);
  return times.ok ? ok(seriesDays * valuesPerDay(times.value) > most) : times;
};

/** At most one a day: more frequent measurements are counted. */
const valuesPerDay = (times: readonly (EpochSeconds | undefined)[]): number => {
  const densities = times.map((time) =>
    time === undefined ? 0 : Math.min(1, (VALUES_PER_PROBE * DAY_SECONDS) / Math.max(1, time)),
  );
  return densities.reduce((sum, density) => sum + density, 0) / densities.length;
};

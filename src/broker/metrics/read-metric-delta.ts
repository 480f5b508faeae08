import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import type { MetricQuery } from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import { type TimeRange, undecidedSpans } from '../../domain/metrics/time-range.ts';
import { ok, type Result } from '../../domain/result.ts';
import { ownerOf, run } from '../../store/metrics/read.ts';
import { endsRead } from '../../store/metrics/series.ts';
import type { Deps } from '../deps.ts';
import { seriesToRead, valuesInRange } from './read-metrics.ts';

/** A metric's first and last value in a range, which may be the same. */
export type MetricChange = {
  /** Whether these values may be another person's. */
  ambiguous: boolean;
  first: MetricValue;
  last: MetricValue;
};

/** The change of each selected metric over a range. Reads two rows for each metric, however many values there are. */
export const readMetricChanges = async (
  deps: Deps,
  connectionId: ConnectionId,
  { selection, ...range }: TimeRange & Pick<MetricQuery, 'selection'>,
): Promise<Result<MetricChange[], Failure>> => {
  const series = await seriesToRead(deps, connectionId, selection);
  if (!series.ok) return series;
  const ends = endsRead(deps.db, {
    owner: ownerOf(connectionId),
    series: series.value,
    ...range,
    manual: selection.manual,
    undecided: undecidedSpans(range),
  });
  const read = await run(deps.db, ends);
  if (!read.ok) return read;
  const byRank = Map.groupBy(valuesInRange(read.value, series.value, range), ({ stored }) => stored.rank);
  return ok(
    series.value.flatMap(({ rank, ambiguous }) => {
      const [first, last] = [byRank.get(rank)?.at(0), byRank.get(rank)?.at(-1)];
      return first === undefined || last === undefined ? [] : [{ ambiguous, first: first.value, last: last.value }];
    }),
  );
};

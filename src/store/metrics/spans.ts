import type { ConnectionId } from '../../domain/connection-id.ts';
import type { EpochSeconds } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1 } from '../d1.ts';
import { endsStatements, type Series, type SeriesRange, type SeriesValue } from './series.ts';

/** How far series reach and how dense they are, estimated from a few of their values. */

/** The oldest and the newest moment of each series in a range, by its rank; nothing for a series without values. */
export const seriesSpans = (
  db: Db,
  range: SeriesRange,
): StoreResult<Map<number, { series: Series; oldestSeconds: EpochSeconds; newestSeconds: EpochSeconds }>> =>
  tryD1(db, async () => {
    const found = await db.d1.batch<SeriesValue>(endsStatements(db, range));
    const byRank = Map.groupBy(
      found.flatMap(({ results }) => results),
      ({ rank }) => rank,
    );
    return new Map(
      range.series.flatMap((series) => {
        const moments = (byRank.get(series.rank) ?? []).map(({ measuredAtSeconds }) => measuredAtSeconds);
        if (moments.length === 0) return [];
        return [[series.rank, { series, oldestSeconds: Math.min(...moments), newestSeconds: Math.max(...moments) }]];
      }),
    );
  });

/**
 * How long `count` values of a series take from each of at most five moments on; undefined if fewer follow. Raw SQL,
 * because the builder has no select without a table.
 */
export const timeOfNext = (
  db: Db,
  connectionId: ConnectionId,
  { type, position, ambiguous }: Series,
  moments: readonly EpochSeconds[],
  count: number,
): StoreResult<(number | undefined)[]> =>
  tryD1(db, async () => {
    const nth = `SELECT measured_seconds FROM measurements WHERE connection_id = ? AND type = ? AND position = ? AND ambiguous = ?
      AND measured_seconds >= ? ORDER BY measured_seconds LIMIT 1 OFFSET ${Math.trunc(count - 1)}`;
    const row = await db.d1
      .prepare(`SELECT ${moments.map((_, index) => `(${nth}) AS at${index}`).join(', ')}`)
      .bind(...moments.flatMap((moment) => [connectionId, type, position, Number(ambiguous), moment]))
      .first<Record<string, number | null>>();
    return moments.map((moment, index) => {
      const at = row?.[`at${index}`] ?? undefined;
      return at === undefined ? undefined : at - moment;
    });
  });

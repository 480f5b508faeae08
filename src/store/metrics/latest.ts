import type { StoredSeries } from '../../domain/metrics/metric-query.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import {
  heightsOf,
  heightsStatement,
  SERIES,
  type SeriesPage,
  type SeriesValue,
  sourcesOf,
  sourcesStatement,
} from './series.ts';

/** The newest values of a connection, with what explains them. */
export type LatestPage = Omit<SeriesPage, 'values'> & { values: (StoredSeries & Omit<SeriesValue, 'rank'>)[] };

type LatestRow = { type: number; measured_seconds: number; group_id: number; value: number; source_id: number };

/** The newest certain value of every whole-body measure type that a connection has, in one round trip: a few rows read for each type. */
export const readLatest = (db: Db, connectionId: number): StoreResult<LatestPage> =>
  tryD1(db, async () => {
    const [sources, heights, latest] = await db.d1.batch([
      sourcesStatement(db, connectionId),
      heightsStatement(db, connectionId),
      db.d1.prepare(LATEST).bind(connectionId),
    ]);
    const rows = (latest?.results ?? []) as LatestRow[];
    return {
      values: rows.map((row) => ({
        type: row.type,
        position: -1,
        ambiguous: false,
        measuredAtSeconds: row.measured_seconds,
        groupId: row.group_id,
        value: row.value,
        sourceId: row.source_id,
      })),
      sources: sourcesOf(sources),
      heights: heightsOf(heights),
    };
  });

const LATEST = `${SERIES}
  SELECT m.type, m.measured_seconds, m.group_id, m.value, m.source_id
  FROM series CROSS JOIN measurements AS m
    ON m.connection_id = ?1 AND m.type = series.type AND m.position = -1 AND m.ambiguous = 0
   AND (m.measured_seconds, m.group_id) = (
     SELECT measured_seconds, group_id FROM measurements
     WHERE connection_id = ?1 AND type = series.type AND position = -1 AND ambiguous = 0
     ORDER BY measured_seconds DESC, group_id DESC LIMIT 1)
  WHERE series.position = -1 AND series.ambiguous = 0`;

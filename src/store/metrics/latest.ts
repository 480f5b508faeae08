import type { StoredSeries } from '../../domain/metrics/metric-query.ts';
import type { EpochSeconds } from '../../domain/time.ts';
import type { Db } from '../d1.ts';
import type { measurements } from '../schema/body-data.ts';
import type { RawRow } from '../schema/raw-row.ts';
import { IS_MEASURED } from './measured.ts';
import { type Owner, param, type Read, statementOf } from './read.ts';
import type { SeriesPage, SeriesValue } from './series.ts';
import { heightsOf, heightsStatement, sourcesOf, sourcesStatement } from './sources-and-heights.ts';

/** The newest values of a connection, with what explains them. */
export type LatestPage = Omit<SeriesPage, 'values'> & {
  values: (StoredSeries & Omit<SeriesValue, 'rank'>)[];
  /** From when one of these is not the newest any more, because a later value is dated ahead; undefined if none is. */
  untilSeconds: EpochSeconds | undefined;
};

type LatestRow = Pick<RawRow<typeof measurements>, 'type' | 'group_id' | 'value' | 'source_id'> & {
  /** Null if all values are dated ahead. */
  measured_seconds: number | null;
  next_seconds: number | null;
};

/**
 * The newest certain value, measured by now, of every whole-body measure type of a connection, in one round trip. Reads
 * a few rows for each type, and one more for each newer filled-in value.
 */
export const latestRead = (db: Db, owner: Owner, nowSeconds: EpochSeconds): Read<LatestPage> => ({
  statements: [
    sourcesStatement(db, owner),
    heightsStatement(db, owner),
    statementOf(db, owner, { ...latestOf(owner), values: [nowSeconds] }),
  ],
  of: ([sources, heights, latest]) => {
    const rows = (latest?.results ?? []) as LatestRow[];
    const next = rows.flatMap(({ next_seconds: seconds }) => seconds ?? []);
    return {
      values: rows.flatMap(({ type, measured_seconds: measuredAtSeconds, ...row }) =>
        measuredAtSeconds === null
          ? []
          : [
              {
                type,
                position: -1,
                ambiguous: false,
                measuredAtSeconds,
                groupId: row.group_id,
                value: row.value,
                sourceId: row.source_id,
              },
            ],
      ),
      sources: sourcesOf(sources),
      heights: heightsOf(heights),
      untilSeconds: next.length === 0 ? undefined : Math.min(...next),
    };
  },
});

/** A year of daily typed-in weights, each with a fat mass of 0, is skipped. An older measurement is not the latest. */
const MOST_STEPPED_OVER = 366;

/**
 * Goes from series to series as `seriesIf` does. But from each it goes to its first value that is dated ahead, if there
 * is one.
 */
const latestOf = (owner: Owner) => {
  const now = param(owner, 1);
  return {
    ctes: `found (place) AS (
    SELECT (SELECT json_array(type, position, ambiguous, measured_seconds) FROM measurements WHERE connection_id = ${owner.id}
      ORDER BY type, position, ambiguous, measured_seconds LIMIT 1)
    UNION ALL
    SELECT (SELECT json_array(type, position, ambiguous, measured_seconds) FROM measurements
      WHERE connection_id = ${owner.id} AND (type, position, ambiguous, measured_seconds)
        > (place ->> 0, place ->> 1, place ->> 2, iif(place ->> 3 > ${now}, ${Number.MAX_SAFE_INTEGER}, ${now}))
      ORDER BY type, position, ambiguous, measured_seconds LIMIT 1)
    FROM found WHERE place IS NOT NULL
  ),
  series (type, next_seconds) AS (
    SELECT place ->> 0, max(iif(place ->> 3 > ${now}, place ->> 3, NULL)) FROM found
    WHERE place ->> 1 = -1 AND place ->> 2 = 0 GROUP BY place ->> 0
  )`,
    sql: `SELECT series.type, series.next_seconds, newest.measured_seconds, newest.group_id, newest.value, newest.source_id
  FROM series LEFT JOIN measurements AS newest
    ON newest.connection_id = ${owner.id} AND newest.type = series.type AND newest.position = -1 AND newest.ambiguous = 0
   AND (newest.measured_seconds, newest.group_id) = (
     WITH m AS (
       SELECT * FROM measurements
       WHERE connection_id = ${owner.id} AND type = series.type AND position = -1 AND ambiguous = 0 AND measured_seconds <= ${now}
       ORDER BY measured_seconds DESC, group_id DESC LIMIT ${MOST_STEPPED_OVER})
     SELECT measured_seconds, group_id FROM m WHERE ${IS_MEASURED} LIMIT 1)`,
  };
};

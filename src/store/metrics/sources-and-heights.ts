import { LEAST_HEIGHT_M, MOST_HEIGHT_M, usableHeights } from '../../domain/metrics/bmi.ts';
import { MANUAL_ATTRIBS, type MeasurementGroup } from '../../domain/metrics/measurement.ts';
import type { EpochSeconds } from '../../domain/time.ts';
import type { Db } from '../d1.ts';
import type { sources } from '../schema/body-data.ts';
import type { RawRow } from '../schema/raw-row.ts';
import { type Owner, statementOf } from './read.ts';

/** What explains the values of a connection: where they came from, and the heights that a BMI may take. */

/** Where a group's values came from, under an id of its connection. */
export type Source = MeasurementGroup['source'] & { id: number };

/** A height in meters, and the group it came with. */
export type StoredHeight = { measuredAtSeconds: EpochSeconds; heightM: number; groupId: number };

/** A height that a person can have (Withings' measure type 4), and surely this one's. */
export const IS_HEIGHT = `type = 4 AND position = -1 AND ambiguous = 0 AND value BETWEEN ${LEAST_HEIGHT_M} AND ${MOST_HEIGHT_M}`;
/** The sources of a connection's typed-in values. */
export const manualSources = (connectionId: string): string =>
  `SELECT id FROM sources WHERE connection_id = ${connectionId} AND attrib IN (${MANUAL_ATTRIBS.join(',')})`;
/** People rarely grow: more heights than this are a device's noise, and older ones are left out. */
const MAX_HEIGHTS = 200;
/** So many of a connection are read: it has a handful. */
export const MAX_SOURCES = 1_000;

export const sourcesStatement = (db: Db, owner: Owner): D1PreparedStatement =>
  statementOf(db, owner, {
    sql: `SELECT id, attrib, device_hash, model, model_id, time_zone FROM sources WHERE connection_id = ${owner.id} LIMIT ${MAX_SOURCES}`,
  });

export const heightsStatement = (db: Db, owner: Owner): D1PreparedStatement =>
  statementOf(db, owner, {
    sql: `SELECT measured_seconds, value, group_id FROM measurements
     WHERE connection_id = ${owner.id} AND ${IS_HEIGHT}
     ORDER BY measured_seconds DESC, group_id DESC LIMIT ${MAX_HEIGHTS}`,
  });

type SourceRow = Omit<RawRow<typeof sources>, 'connection_id'>;

export const sourcesOf = (result: D1Result | undefined): Map<number, Source> =>
  new Map(
    ((result?.results ?? []) as SourceRow[]).map((row) => [
      row.id,
      {
        id: row.id,
        attrib: row.attrib,
        deviceId: row.device_hash,
        model: row.model,
        modelId: row.model_id,
        timeZone: row.time_zone,
      },
    ]),
  );

export const heightsOf = (result: D1Result | undefined): StoredHeight[] =>
  usableHeights(
    ((result?.results ?? []) as { measured_seconds: number; value: number; group_id: number }[])
      .map((row) => ({ measuredAtSeconds: row.measured_seconds, heightM: row.value, groupId: row.group_id }))
      .toReversed(),
  );

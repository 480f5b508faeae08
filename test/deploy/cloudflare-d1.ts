import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';

import { type Cloudflare, type Database, refusal, type Route, type WantedDatabase } from './cloudflare-account.ts';
import { timeTravelRoutes } from './cloudflare-time-travel.ts';

/** The routes of Cloudflare's API that are about D1. */
export const d1Routes = (cloud: Cloudflare): Route[] => {
  const of = (uuid: string | undefined) => cloud.databases.find((database) => database.uuid === uuid);
  const described = ({ uuid, name, jurisdiction }: Database) => ({
    uuid,
    name,
    version: 'production',
    jurisdiction: jurisdiction ?? null,
  });
  return [
    [
      'GET',
      /^\/d1\/database$/,
      ({ query }) => {
        const [page, size] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 100)];
        return cloud.databases.slice((page - 1) * size, page * size).map(described);
      },
    ],
    [
      'POST',
      /^\/d1\/database$/,
      ({ body }) => {
        const asked = body() as WantedDatabase;
        if (cloud.databases.some(({ name }) => name === asked.name)) {
          return refusal(400, 7502, `database with name '${asked.name}' already exists`);
        }
        const made = newDatabase(asked);
        cloud.databases.push(made);
        return described(made);
      },
    ],
    [
      'GET',
      /^\/d1\/database\/([0-9a-f-]+)$/,
      ({ params: [uuid] }) => {
        const database = of(uuid);
        if (database === undefined) return refusal(404, 7404, `The database ${uuid} could not be found`);
        return {
          ...described(database),
          file_size: 12_288,
          num_tables: 0,
          running_in_region: cloud.regionOf(database),
        };
      },
    ],
    [
      'PUT',
      /^\/d1\/database\/([0-9a-f-]+)$/,
      ({ params: [uuid], body }) => {
        const database = of(uuid);
        if (database === undefined) return refusal(404, 7404, `The database ${uuid} could not be found`);
        database.replication = (body() as { read_replication: { mode: string } }).read_replication.mode;
        return { ...described(database), read_replication: { mode: database.replication } };
      },
    ],
    [
      'POST',
      /^\/d1\/database\/([0-9a-f-]+)\/query$/,
      ({ params: [uuid], body }) => {
        const database = of(uuid);
        if (database === undefined) return refusal(404, 7404, `The database ${uuid} could not be found`);
        return [{ results: queried(database.sqlite, (body() as { sql: string }).sql), success: true, meta: {} }];
      },
    ],
    [
      'POST',
      /^\/d1\/database\/([0-9a-f-]+)\/import$/,
      ({ params: [uuid], body, origin }) => {
        const { action, etag = '' } = body() as { action: string; etag?: string };
        if (action === 'init') return { upload_url: `${origin}/upload`, filename: 'import.sql' };
        if (action === 'ingest') {
          queried(of(uuid)?.sqlite, cloud.files.get(etag) ?? '');
          return { success: true, status: 'active', messages: [], at_bookmark: 'b' };
        }
        const meta = { duration: 1, rows_read: 0, rows_written: 1, size_after: 1 };
        const result = { num_queries: 1, final_bookmark: 'b', meta };
        return { success: true, status: 'complete', messages: [], result };
      },
    ],
    ...timeTravelRoutes(cloud, of),
  ];
};

export const newDatabase = (asked: WantedDatabase): Database => ({
  uuid: randomUUID(),
  ...asked,
  sqlite: new DatabaseSync(':memory:'),
  replication: 'disabled',
  bookmarks: [],
});

/** Several statements are one transaction, as on D1. */
const queried = (sqlite: DatabaseSync | undefined, sql: string): unknown[] => {
  if (sqlite === undefined) throw new Error('no such database');
  if (/^\s*SELECT/i.test(sql)) return sqlite.prepare(sql).all();
  sqlite.exec('BEGIN');
  try {
    sqlite.exec(sql);
    sqlite.exec('COMMIT');
  } catch (error) {
    sqlite.exec('ROLLBACK');
    throw error;
  }
  return [];
};

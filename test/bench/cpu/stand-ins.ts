import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';

import { appRows, migrations } from '../seed.ts';
import { createHistory } from './history.ts';

/**
 * D1, KV and Withings, served by this process over the loopback: to the measured workerd they are other machines, as
 * they are on Cloudflare. Every exchange can be recorded and answered again, so that a bare Worker has the same calls
 * to make and reads the same answers.
 */

/** What left the Worker, as the bare Worker makes it again. */
export type Operation =
  | { kind: 'd1'; statements: { sql: string; params: SQLInputValue[] }[]; isBatch: boolean }
  | { kind: 'kv_get'; key: string }
  | { kind: 'kv_put'; key: string; value: string }
  | { kind: 'fetch'; path: string; body: string; authorization: string | undefined };

type Asked = { url: URL; method: string; body: string; authorization: string | undefined };
type Answer = { status: number; body: string };

type Statement = { sql: string; params?: SQLInputValue[] };

export const startStandIns = async () => {
  let database = new DatabaseSync(':memory:');
  const links = new Map<string, string>();
  const history = createHistory();
  const recorded: { operation: Operation; asked: string; answer: Answer }[] = [];
  let isRecording = false;
  /** What the bare Worker asked and the broker did not: this ends the bench. */
  const notRecorded: string[] = [];
  /** Answers by what was asked, while the bare Worker is measured. */
  let replayed: Map<string, Answer> | undefined;

  const d1 = ({ body }: Asked): { answer: Answer; operation: Operation } => {
    const asked = JSON.parse(body) as Statement | Statement[];
    const statements = (Array.isArray(asked) ? asked : [asked]).map(({ sql, params = [] }) => ({ sql, params }));
    const operation: Operation = { kind: 'd1', statements, isBatch: Array.isArray(asked) };
    try {
      return { operation, answer: { status: 200, body: JSON.stringify(execute(database, statements)) } };
    } catch (error) {
      return {
        operation,
        answer: { status: 500, body: JSON.stringify({ success: false, error: (error as Error).message }) },
      };
    }
  };

  const kv = ({ url, method, body }: Asked): { answer: Answer; operation: Operation } => {
    const key = decodeURIComponent(url.pathname.slice(1));
    if (method === 'PUT') {
      links.set(key, body);
      return { operation: { kind: 'kv_put', key, value: body }, answer: { status: 200, body: '' } };
    }
    const value = links.get(key);
    return {
      operation: { kind: 'kv_get', key },
      answer: value === undefined ? { status: 404, body: '' } : { status: 200, body: value },
    };
  };

  const withings = ({ url, body, authorization }: Asked): { answer: Answer; operation: Operation } => ({
    operation: { kind: 'fetch', path: url.pathname, body, authorization },
    answer: { status: 200, body: JSON.stringify(history.answer(url.pathname, new URLSearchParams(body))) },
  });

  const serve = async (name: string, handle: (asked: Asked) => { answer: Answer; operation: Operation }) => {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { authorization } = request.headers;
        const url = new URL(request.url ?? '/', 'http://stand-in.invalid');
        const asked = { url, method: request.method ?? 'GET', body, authorization };
        // D1's client has a path for `run` and one for `raw`; the bare Worker uses one of them.
        const path = name === 'd1' ? '' : url.pathname;
        const question = `${name} ${asked.method === 'PUT' ? 'PUT' : ''} ${path} ${body}`;
        if (replayed !== undefined) {
          const again = replayed.get(question);
          if (again === undefined) notRecorded.push(question);
          return respond(response, again ?? NOT_RECORDED);
        }
        const { answer, operation } = handle(asked);
        if (isRecording) recorded.push({ operation, asked: question, answer });
        respond(response, answer);
      });
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, port: (server.address() as AddressInfo).port };
  };
  const servers = { d1: await serve('d1', d1), kv: await serve('kv', kv), withings: await serve('withings', withings) };

  return {
    ports: { d1: servers.d1.port, kv: servers.kv.port, withings: servers.withings.port },
    history,
    /** Runs statements, unmeasured. */
    run: (statements: readonly string[]) => {
      for (const sql of statements) database.exec(sql);
    },
    /** A new database with the app, and no link record. */
    clear: () => {
      database.close();
      database = new DatabaseSync(':memory:');
      for (const sql of [...migrations(), ...appRows()]) database.exec(sql);
      links.clear();
      recorded.length = 0;
      replayed = undefined;
    },
    /** What `work` exchanges. */
    record: async (work: () => Promise<unknown>): Promise<Operation[]> => {
      const before = recorded.length;
      isRecording = true;
      await work();
      isRecording = false;
      return recorded.slice(before).map(({ operation }) => operation);
    },
    notRecorded,
    /** From now on what was recorded since `clear` is answered as it was then. */
    replay: () => {
      replayed = new Map(recorded.map(({ asked, answer }) => [asked, answer]));
    },
    close: () => {
      for (const { server } of Object.values(servers)) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
};

const NOT_RECORDED: Answer = { status: 500, body: '{"success":false,"error":"not recorded"}' };

const respond = (response: ServerResponse, { status, body }: Answer): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
};

export type StandIns = Awaited<ReturnType<typeof startStandIns>>;

/** As D1 answers: several statements are one transaction. */
const execute = (database: DatabaseSync, statements: readonly { sql: string; params: SQLInputValue[] }[]) => {
  if (statements.length === 1) return statements.map((statement) => resultOf(database, statement));
  database.exec('BEGIN');
  try {
    const results = statements.map((statement) => resultOf(database, statement));
    database.exec('COMMIT');
    return results;
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
};

const META = { served_by: 'stand-in', duration: 0, last_row_id: 0, changed_db: true, size_after: 1_000_000 };

const resultOf = (database: DatabaseSync, { sql, params }: { sql: string; params: SQLInputValue[] }) => {
  const statement = database.prepare(sql);
  const columns = statement.columns().map(({ name }) => name);
  statement.setReturnArrays(true);
  const rows = statement.all(...params);
  return {
    success: true,
    results: { columns, rows },
    meta: { ...META, changes: 0, rows_read: rows.length, rows_written: 0 },
  };
};

/**
 * What a user would pick instead, in one Node process: `grant` with its Withings preset to connect, and a plain service
 * on SQLite, written in the obvious way, to read.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';

import grant from 'grant';

const [database = '', upstream = ''] = process.argv.slice(2);
const db = new DatabaseSync(database, { readOnly: true });

const keyOf = db.prepare('SELECT app_id FROM api_keys WHERE hash = ? AND revoked_at IS NULL');
const connectionOf = db.prepare(
  'SELECT id, state FROM connections WHERE app_id = ? AND user_id = ? AND is_current = 1',
);
const pageOf = db.prepare(`SELECT m.measured_seconds, m.group_id, m.value, s.model, s.attrib FROM measurements m
  JOIN sources s ON s.connection_id = m.connection_id AND s.id = m.source_id
  WHERE m.connection_id = ? AND m.type = 1 AND m.position = -1 AND m.ambiguous = 0
  ORDER BY m.measured_seconds DESC LIMIT ?`);

const answer = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};

const read = (request: IncomingMessage, response: ServerResponse): void => {
  const url = new URL(request.url ?? '/', 'http://plain.invalid');
  const [, , appId = '', kind = '', ...rest] = url.pathname.split('/');
  const hash = createHash('sha256').update(String(request.headers['x-api-key'])).digest('hex');
  if (keyOf.get(hash)?.['app_id'] !== appId) return answer(response, 401, { error: 'unauthorized' });
  const connection = connectionOf.get(appId, rest.at(-1) ?? '');
  if (kind !== 'metrics') return answer(response, 200, { connected: connection?.['state'] === 'active' });
  const rows = pageOf.all(connection?.['id'] ?? null, Number(url.searchParams.get('limit')));
  const data = rows.map((row) => ({
    metric: 'weight',
    derived: false,
    value: row['value'],
    unit: 'kg',
    measured_at: new Date(Number(row['measured_seconds']) * 1000).toISOString(),
    group_id: row['group_id'],
    source: { device: row['model'], attribution: row['attrib'] },
  }));
  return answer(response, 200, { data, next_cursor: null });
};

let connect: ReturnType<typeof grant.node> | undefined;
const server = createServer((request, response) => {
  if (request.url?.startsWith('/connect') === true) void connect?.(request, response);
  else read(request, response);
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  connect = grant.node({
    config: {
      defaults: { origin: `http://127.0.0.1:${port}`, transport: 'querystring', state: true },
      withings: {
        key: 'c1',
        secret: '00',
        scope: ['user.metrics'],
        callback: '/connected',
        authorize_url: `${upstream}/oauth2_user/authorize2`,
        access_url: `${upstream}/v2/oauth2`,
      },
    },
    session: { secret: 'of the session cookie' },
  });
  console.log(port);
});

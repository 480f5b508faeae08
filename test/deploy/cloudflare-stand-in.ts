/**
 * Stands in for Cloudflare's API on the loopback: as much of it as wrangler calls for a deployment of this project, kept in memory, with real
 * SQLite behind the databases. Wrangler is pointed at it by CLOUDFLARE_API_BASE_URL. What it does not know it refuses, as Cloudflare does,
 * so that a wrangler which asks for more is noticed.
 */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { DatabaseSync } from 'node:sqlite';

const ACCOUNT = { id: 'acc0000000000000000000000000000a', name: "Ada's account" };
const PREFIX = '/client/v4';

type WantedDatabase = { name: string; jurisdiction?: string; primary_location_hint?: string };
export type Database = WantedDatabase & { uuid: string; sqlite: DatabaseSync };
type Binding = { type: string; name: string; text?: string };
type Metadata = {
  placement?: { region?: string };
  bindings: Binding[];
  keep_bindings?: string[];
  assets?: { jwt: string };
};

type Cloudflare = {
  accounts: { id: string; name: string }[];
  /** `METHOD path`, in the order of their arrival; the account's prefix left away. */
  requests: string[];
  databases: Database[];
  namespaces: { id: string; title: string; jurisdiction?: string }[];
  /** What was uploaded to be imported, by its MD5. */
  files: Map<string, string>;
  /** Absent until the Worker was deployed. Each upload is told by the secrets that came with it. */
  worker:
    | {
        secrets: Map<string, string>;
        bindings: Binding[];
        uploads: string[][];
        placement: { region?: string } | undefined;
      }
    | undefined;
  /** Paths of the static assets that it was told of. */
  assets: Set<string>;
  crons: string[];
  /** Where a database runs: a hint is granted, and a jurisdiction decides by itself. Undefined if Cloudflare does not say. */
  regionOf: (database: Database) => string | undefined;
  domains: string[];
  /** Absent until the account has chosen one. */
  subdomain: string | undefined;
};

/** What goes wrong once: an answer instead of the real one, or a connection cut before or after the thing was done; or nothing yet. */
export type Fault = { status: number; code: number; message: string } | 'cut before' | 'cut after' | 'pass';

/** A call: what came, and what its path says. */
type Call = {
  params: string[];
  query: URLSearchParams;
  body: () => unknown;
  raw: Buffer;
  contentType: string;
  /** Where it came to. */
  origin: string;
};
type Refusal = { status: number; code: number; message: string };
const refusal = (status: number, code: number, message: string): { refusal: Refusal } => ({
  refusal: { status, code, message },
});

const PAGE_INFO = { page: 1, count: 1, total_count: 1, total_pages: 1 };

/** Routes by `METHOD path`; what a handler returns is the `result` of the answer, unless it is a refusal. */
const routesOf = (cloud: Cloudflare): [string, RegExp, (call: Call) => unknown][] => [
  ['GET', /^\/user\/tokens\/verify$/, () => ({ id: 't', status: 'active' })],
  ['GET', /^\/user$/, () => ({ id: 'u', email: 'ada@example.com' })],
  ['GET', /^\/accounts$/, () => cloud.accounts],
  ['GET', /^\/memberships$/, () => cloud.accounts.map((account) => ({ id: `m-${account.id}`, account }))],
  ...d1Routes(cloud),
  ['GET', /^\/storage\/kv\/namespaces$/, ({ query }) => (Number(query.get('page') ?? 1) > 1 ? [] : cloud.namespaces)],
  [
    'POST',
    /^\/storage\/kv\/namespaces$/,
    ({ body }) => {
      const asked = body() as { title: string; jurisdiction?: string };
      if (cloud.namespaces.some(({ title }) => title === asked.title)) {
        return refusal(400, 10014, 'a namespace with this account ID and title already exists');
      }
      const made = { id: randomUUID().replaceAll('-', ''), ...asked };
      cloud.namespaces.push(made);
      return made;
    },
  ],
  ...workerRoutes(cloud),
];

const d1Routes = (cloud: Cloudflare): [string, RegExp, (call: Call) => unknown][] => {
  const of = (uuid: string | undefined) => cloud.databases.find((database) => database.uuid === uuid);
  const described = ({ uuid, name }: Database) => ({ uuid, name, version: 'production' });
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
    // The figures of the last day, which `d1 info` asks for too.
    ['POST', /^\/graphql$/, () => ({ data: { viewer: { accounts: [] } } })],
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
  ];
};

const newDatabase = (asked: WantedDatabase): Database => ({
  uuid: randomUUID(),
  ...asked,
  sqlite: new DatabaseSync(':memory:'),
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

const NO_CHANGES = { added: [], removed: [], updated: [], conflicting: [] };
const NO_WORKER = refusal(404, 10007, 'This Worker does not exist on your account.');

const workerRoutes = (cloud: Cloudflare): [string, RegExp, (call: Call) => unknown][] => {
  const ofWorker = (answer: (worker: NonNullable<Cloudflare['worker']>) => unknown) => () =>
    cloud.worker === undefined ? NO_WORKER : answer(cloud.worker);
  return [
    [
      'GET',
      /^\/workers\/scripts\/mushu-health\/secrets$/,
      ofWorker(({ secrets }) => Array.from(secrets.keys(), (name) => ({ name, type: 'secret_text' }))),
    ],
    [
      'PUT',
      /^\/workers\/scripts\/mushu-health\/secrets$/,
      ({ body }) => {
        const { name, text } = body() as { name: string; text: string };
        cloud.worker?.secrets.set(name, text);
        return { name, type: 'secret_text' };
      },
    ],
    [
      'GET',
      /^\/workers\/services\/mushu-health$/,
      ofWorker(() => ({
        default_environment: { environment: 'production', script: { last_deployed_from: 'wrangler' } },
      })),
    ],
    ['GET', /^\/workers\/scripts\/mushu-health\/deployments$/, ofWorker(() => ({ deployments: [] }))],
    ['GET', /^\/workers\/scripts\/mushu-health\/settings$/, ofWorker(({ bindings }) => ({ bindings }))],
    [
      'GET',
      /^\/workers\/subdomain$/,
      () => (cloud.subdomain === undefined ? refusal(404, 10007, 'no subdomain') : { subdomain: cloud.subdomain }),
    ],
    [
      'POST',
      /^\/workers\/scripts\/mushu-health\/assets-upload-session$/,
      ({ body }) => {
        const { manifest } = body() as { manifest: Record<string, { hash: string }> };
        const missing = Object.entries(manifest).filter(([path]) => !cloud.assets.has(path));
        for (const [path] of missing) cloud.assets.add(path);
        return { jwt: jwt(), buckets: [missing.map(([, { hash }]) => hash)] };
      },
    ],
    ['POST', /^\/workers\/assets\/upload$/, () => ({ jwt: jwt() })],
    // The first upload makes the Worker; later ones are versions, each of which is then deployed.
    ['PUT', /^\/workers\/scripts\/mushu-health$/, (call) => uploaded(cloud, call)],
    ['POST', /^\/workers\/scripts\/mushu-health\/versions$/, (call) => uploaded(cloud, call)],
    ['POST', /^\/workers\/scripts\/mushu-health\/deployments$/, ofWorker(() => ({ id: 'd' }))],
    ['PATCH', /^\/workers\/scripts\/mushu-health\/script-settings$/, ofWorker(() => ({}))],
    [
      'POST',
      /^\/workers\/scripts\/mushu-health\/subdomain$/,
      ofWorker(() => ({ enabled: true, previews_enabled: false })),
    ],
    ['GET', /^\/workers\/workers\/mushu-health$/, ofWorker(() => ({ subdomain: { enabled: true } }))],
    [
      'PUT',
      /^\/workers\/scripts\/mushu-health\/schedules$/,
      ({ body }) => {
        cloud.crons = (body() as { cron: string }[]).map(({ cron }) => cron);
        return { schedules: [] };
      },
    ],
    ['POST', /^\/workers\/scripts\/mushu-health\/domains\/changeset$/, ofWorker(() => NO_CHANGES)],
    [
      'PUT',
      /^\/workers\/scripts\/mushu-health\/domains\/records$/,
      ({ body }) => {
        const { origins } = body() as { origins: { hostname: string }[] };
        cloud.domains = origins.map(({ hostname }) => hostname);
        return [];
      },
    ],
  ];
};

/** A token as wrangler expects it of the upload of assets: three parts, of which it reads the middle one. */
const jwt = (): string => ['{}', '{}', ''].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** Takes the code and its bindings. A secret is inherited where the upload asks for it and refused where there is none, as on Cloudflare. */
const uploaded = (cloud: Cloudflare, { raw, contentType }: Call): unknown => {
  const metadata = metadataOf(raw, contentType);
  const secrets = new Map(metadata.keep_bindings?.includes('secret_text') ? cloud.worker?.secrets : []);
  for (const { type, name, text } of metadata.bindings) {
    if (type === 'secret_text') secrets.set(name, text ?? '');
    if (type === 'inherit' && !cloud.worker?.secrets.has(name)) {
      return refusal(400, 10057, `inherit binding '${name}' is invalid`);
    }
  }
  cloud.worker = {
    secrets,
    placement: metadata.placement,
    bindings: metadata.bindings.filter(({ type }) => type !== 'secret_text'),
    uploads: [
      ...(cloud.worker?.uploads ?? []),
      metadata.bindings.flatMap(({ type, name }) => (type === 'secret_text' ? [name] : [])),
    ],
  };
  return { id: randomUUID(), startup_time_ms: 5, deployment_id: 'd', resources: { script: { etag: 'e' } } };
};

const metadataOf = (raw: Buffer, contentType: string): Metadata => {
  const boundary = /boundary=(.*)$/.exec(contentType)?.[1] ?? '';
  const part = raw
    .toString('latin1')
    .split(`--${boundary}`)
    .find((text) => text.includes('name="metadata"'));
  return JSON.parse(part?.slice(part.indexOf('\r\n\r\n')) ?? '{}') as Metadata;
};

const answerTo = (cloud: Cloudflare, call: Omit<Call, 'params'>, method: string, path: string): unknown => {
  for (const [routeMethod, pattern, handle] of routesOf(cloud)) {
    const match = method === routeMethod ? pattern.exec(path) : null;
    if (match !== null) return handle({ ...call, params: match.slice(1) });
  }
  return refusal(404, 7003, `Could not route to ${path}`);
};

const send = (response: ServerResponse, answer: unknown): void => {
  const refused =
    typeof answer === 'object' && answer !== null && 'refusal' in answer ? (answer.refusal as Refusal) : undefined;
  response.writeHead(refused?.status ?? 200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      success: refused === undefined,
      errors: refused === undefined ? [] : [{ code: refused.code, message: refused.message }],
      messages: [],
      result: refused === undefined ? answer : null,
      ...(Array.isArray(answer) && { result_info: { ...PAGE_INFO, per_page: 100 } }),
    }),
  );
};

/** Starts it with an account that holds nothing of ours. */
export const startCloudflare = async (): Promise<
  Cloudflare & {
    origin: string;
    apiUrl: string;
    /** The next request that matches meets the fault; the one after that, the fault of the next call of this. */
    failOnce: (on: RegExp, fault: Fault) => void;
    addDatabase: (name: string) => void;
    stop: () => void;
  }
> => {
  const cloud: Cloudflare = {
    accounts: [ACCOUNT],
    requests: [],
    databases: [],
    namespaces: [],
    files: new Map(),
    worker: undefined,
    assets: new Set(),
    crons: [],
    regionOf: ({ primary_location_hint: hint, jurisdiction }) =>
      jurisdiction === undefined ? hint?.toUpperCase() : 'EEUR',
    domains: [],
    subdomain: 'ada',
  };
  const faults: { on: RegExp; fault: Fault }[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const url = new URL(request.url ?? '/', 'http://cloudflare');
    const path = url.pathname.replace(PREFIX, '').replace(`/accounts/${ACCOUNT.id}`, '');
    const name = `${request.method} ${path}`;
    cloud.requests.push(name);
    const index = faults.findIndex(({ on }) => on.test(name));
    const fault = index < 0 ? undefined : faults.splice(index, 1)[0]?.fault;
    if (fault === 'cut before') return void request.socket.destroy();
    if (typeof fault === 'object') return send(response, { refusal: fault });
    if (path === '/upload') {
      const etag = createHash('md5').update(raw).digest('hex');
      cloud.files.set(etag, raw.toString());
      response.writeHead(200, { etag: `"${etag}"` }).end();
      return;
    }
    const call = {
      origin: `http://${request.headers.host ?? ''}`,
      query: url.searchParams,
      raw,
      contentType: request.headers['content-type'] ?? '',
      body: (): unknown => JSON.parse(raw.toString()),
    };
    const answer = path === '/healthz' ? {} : answerTo(cloud, call, request.method ?? '', path);
    if (fault === 'cut after') return void request.socket.destroy();
    send(response, answer);
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const origin = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : ''}`;
  return Object.assign(cloud, {
    origin,
    apiUrl: origin + PREFIX,
    failOnce: (on: RegExp, fault: Fault) => void faults.push({ on, fault }),
    addDatabase: (name: string) => void cloud.databases.push(newDatabase({ name })),
    stop: () => server.close().closeAllConnections(),
  });
};

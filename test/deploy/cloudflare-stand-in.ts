/**
 * Stands in for Cloudflare's API on the loopback: as much of it as wrangler calls for a deployment of this project, kept in memory, with real
 * SQLite behind the databases. Wrangler is pointed at it by CLOUDFLARE_API_BASE_URL. What it does not know it refuses, as Cloudflare does,
 * so that a wrangler which asks for more is noticed.
 */
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { type Call, type Cloudflare, type Refusal, refusal, type Route } from './cloudflare-account.ts';
import { d1Routes, newDatabase } from './cloudflare-d1.ts';
import { workerRoutes } from './cloudflare-worker.ts';

const ACCOUNT = { id: 'acc0000000000000000000000000000a', name: "Ada's account" };
const PREFIX = '/client/v4';

/** What goes wrong once: an answer instead of the real one, or a connection cut before or after the thing was done; or nothing yet. */
export type Fault = { status: number; code: number; message: string } | 'cut before' | 'cut after' | 'pass';

const PAGE_INFO = { page: 1, count: 1, total_count: 1, total_pages: 1 };

const routesOf = (cloud: Cloudflare): Route[] => [
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
    /** Calls this after each request that had an effect, with what was asked. */
    watch: (watcher: (request: string) => void) => void;
    stop: () => void;
  }
> => {
  const cloud: Cloudflare = {
    accounts: [ACCOUNT],
    requests: [],
    databases: [],
    namespaces: [],
    files: new Map(),
    workers: new Map(),
    get worker() {
      return this.workers.get('mushu-health');
    },
    isPaused: () => cloud.worker?.secrets.get('PAUSED') === 'yes',
    assets: new Set(),
    regionOf: ({ primary_location_hint: hint, jurisdiction }) =>
      jurisdiction === undefined ? hint?.toUpperCase() : 'EEUR',
    domains: new Map(),
    subdomain: 'ada',
  };
  let watcher = (_request: string): void => undefined;
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
      if (fault === 'cut after') return void request.socket.destroy();
      response.writeHead(200, { etag: `"${etag}"` }).end();
      return;
    }
    if (path.startsWith('/download/')) return void response.end(cloud.files.get(path.slice('/download/'.length)));
    const call = {
      origin: `http://${request.headers.host ?? ''}`,
      query: url.searchParams,
      raw,
      contentType: request.headers['content-type'] ?? '',
      body: (): unknown => JSON.parse(raw.toString()),
    };
    if (path === '/healthz' && cloud.isPaused()) {
      response.writeHead(503).end(JSON.stringify({ code: 'paused' }));
      return;
    }
    if (path === '/healthz') return void response.end(JSON.stringify({ checks: {} }));
    const answer = answerTo(cloud, call, request.method ?? '', path);
    watcher(name);
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
    watch: (wanted: (request: string) => void) => void (watcher = wanted),
    stop: () => server.close().closeAllConnections(),
  });
};

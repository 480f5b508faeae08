import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { convertV4MiniflareOptions, Miniflare } from 'miniflare';

import { API_KEY, APP, migrations, REDIRECT_URI, rows, USER } from './seed.ts';

/**
 * `npm run bench:http`: requests a second of the broker in workerd, on D1 and KV as they run locally, each beside the floor: a bare Worker that
 * does the same D1 and KV operations and nothing else. One run, turns about, medians; the ratio is what counts, since both share a machine.
 */
const root = join(import.meta.dirname, '..');
const out = join(root, 'dist/bench');
const SIZES = [
  { connections: 1_000, measurements: 100_000 },
  { connections: 30_000, measurements: 1_000_000 },
];
const ROUNDS = 5;
const ROUND_MS = 1_500;
const AT_ONCE = 8;

const ROUTES = [
  {
    name: 'auth',
    path: `/apps/${APP}/withings/auth?user_id=${USER}&redirect_uri=${encodeURIComponent(REDIRECT_URI)}`,
    status: 302,
    atLeast: 0.8,
  },
  { name: 'status', path: `/apps/${APP}/withings/status/${USER}`, status: 200, atLeast: 0.8 },
  {
    name: 'metrics page of 100',
    path: `/apps/${APP}/metrics/${USER}?metric=weight&limit=100`,
    status: 200,
    atLeast: 0.7,
  },
];

const secrets = {
  KEYRING: JSON.stringify({ current: 'k1', keys: { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' } }),
  WITHINGS_CLIENT_ID: 'c1',
  WITHINGS_CLIENT_SECRET: '00',
  WITHINGS_API_URL: 'https://wbsapi.withings.net',
  WITHINGS_LOGIN_URL: 'https://account.withings.com',
};

const build = (): { bytes: number } => {
  rmSync(out, { recursive: true, force: true });
  const wrangler = join(root, 'node_modules/wrangler/bin/wrangler.js');
  const quiet = { cwd: root, stdio: 'ignore' as const, env: { ...process.env, WRANGLER_SEND_METRICS: 'false' } };
  execFileSync(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', join(out, 'broker')], quiet);
  const bare = ['deploy', 'bench/floor.ts', '--name', 'floor', '--config', 'bench/floor.toml', '--dry-run'];
  execFileSync(process.execPath, [wrangler, ...bare, '--outdir', join(out, 'floor')], quiet);
  const files = readdirSync(join(out, 'broker')).filter((name) => !/\.map$|README/.test(name));
  return { bytes: files.reduce((sum, name) => sum + gzipSync(readFileSync(join(out, 'broker', name))).length, 0) };
};

const modulesIn = (folder: string, main: string) => {
  const names = readdirSync(folder).filter((name) => !/\.map$|README/.test(name));
  return [main, ...names.filter((name) => name !== main)].map((name) => ({
    type: name === main ? ('ESModule' as const) : ('Text' as const),
    path: join(folder, name),
    contents: readFileSync(join(folder, name), 'utf8'),
  }));
};

type Size = (typeof SIZES)[number];

const start = async (folder: string, main: string, operatorToken: string, size: Size): Promise<Miniflare> => {
  const server = new Miniflare(
    convertV4MiniflareOptions({
      modules: modulesIn(folder, main),
      modulesRoot: folder,
      compatibilityDate: '2026-10-23',
      compatibilityFlags: ['global_fetch_strictly_public'],
      d1Databases: ['DB'],
      kvNamespaces: ['LINKS'],
      bindings: { ...secrets, OPERATOR_TOKEN: operatorToken },
      handleStructuredLogs: () => undefined,
    }),
  );
  const db = await server.getD1Database('DB');
  for (const statement of [...migrations(root), ...rows(size)]) await db.prepare(statement).run();
  return server;
};

/** Requests a second over one round. Every answer is read, and has to be the expected one. */
const round = async (url: URL, { path, status }: (typeof ROUTES)[number]): Promise<number> => {
  const target = new URL(path, url);
  const until = performance.now() + ROUND_MS;
  let done = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < until) {
      const answer = await fetch(target, { redirect: 'manual', headers: { 'X-API-Key': API_KEY } });
      const text = await answer.text();
      if (answer.status !== status) throw new Error(`${path} answered ${answer.status}: ${text.slice(0, 300)}`);
      done += 1;
    }
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return (done * 1_000) / (performance.now() - begun);
};

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const measure = async (size: Size, operatorToken: string) => {
  const broker = await start(join(out, 'broker'), 'worker.js', operatorToken, size);
  const floor = await start(join(out, 'floor'), 'floor.js', operatorToken, size);
  try {
    const [brokerUrl, floorUrl] = [await broker.ready, await floor.ready];
    const results = [];
    for (const route of ROUTES) {
      await round(brokerUrl, route);
      await round(floorUrl, route);
      const turns: { broker: number; floor: number }[] = [];
      for (let turn = 0; turn < ROUNDS; turn += 1) {
        turns.push({ broker: await round(brokerUrl, route), floor: await round(floorUrl, route) });
      }
      results.push({
        ...size,
        route: route.name,
        broker_per_second: Math.round(median(turns.map((turn) => turn.broker))),
        floor_per_second: Math.round(median(turns.map((turn) => turn.floor))),
        ratio: Number(median(turns.map((turn) => turn.broker / turn.floor)).toFixed(2)),
        at_least: route.atLeast,
      });
    }
    return results;
  } finally {
    await Promise.all([broker.dispose(), floor.dispose()]);
  }
};

const bundle = build();
const { mintOperatorToken } = await import('./operator-token.ts');
const operatorToken = await mintOperatorToken();
const results = [];
for (const size of SIZES) results.push(...(await measure(size, operatorToken)));
const [cpu] = cpus();
const report = {
  machine: { cpu: cpu?.model ?? 'unknown', cores: availableParallelism(), node: process.version },
  bundle_gzip_bytes: bundle.bytes,
  results,
};
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
console.table(results);
console.log(
  `${report.machine.cores} × ${report.machine.cpu}; bundle ${Math.round(bundle.bytes / 1024)} KiB gzipped; dist/bench/bench.json`,
);

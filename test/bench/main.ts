/**
 * The figures of docs/performance.md, in one run:
 *
 *     npm run bench [-- auth callback status metrics sync cpu growth ticks live bundle memory] [--json FILE] [--small]
 *
 * Requests a second and CPU of the broker in workerd, on D1 and KV as they run locally, beside the floor (a bare Worker
 * that does the same D1, KV and fetch operations and nothing else) and beside what a user would pick instead. They take
 * turns, and what counts is their ratio. Then the same in databases of other sizes, what a tick of the cron reads
 * there, how long a weigh-in takes from Withings' push, and what the Worker weighs. `cpu` is the CPU of one invocation
 * of each kind, in a workerd that runs nothing else. `memory` is what such a workerd needs under half an hour of load.
 * Without names: all of it but that. `--small` shows in seconds that it runs,
 * on a small database, and its figures say nothing.
 */
import '../../scripts/help.ts';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';

import { measureCpu, OFTEN, ONCE } from './cpu/measure.ts';
import { HALF_AN_HOUR, measureMemory, THREE_SECONDS } from './cpu/memory.ts';
import { WORK } from './cpu/work.ts';
import { measureLive } from './live.ts';
import { alternate, brokerAt, type Contestant, floorAt, grantAt, hangUp, plainAt, SYNCABLE } from './load.ts';
import { recordScripts } from './record.ts';
import { figuresOf, machine, printed, ratioOf, type Report, type Result, type Size } from './report.ts';
import { ALL_ROUTES, type Route, ROUTES } from './routes.ts';
import { appRows, connectionRows, ENDLESS_SHARE, measurementRows, migrations, syncableRows } from './seed.ts';
import { buildBroker, importRoutes, OUT, type Served, startAlternatives, startUpMs, startWorkers } from './serve.ts';
import { tickCost } from './tick.ts';
import { createUpstream } from './upstream.ts';

// What it started ends on `exit`, which a signal alone does not cause.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' }, small: { type: 'boolean' } },
  allowPositionals: true,
});
const known = new Set<string>([...ALL_ROUTES, 'cpu', 'growth', 'ticks', 'live', 'bundle', 'memory']);
const unknown = positionals.filter((name) => !known.has(name));
if (unknown.length > 0) throw new Error(`no such part: ${unknown.join(', ')}; there are ${[...known].join(', ')}`);
const wants = (part: string): boolean => positionals.length === 0 || positionals.includes(part);
const namedRoutes = ALL_ROUTES.filter(wants);
const wantsGrowth = wants('growth') || wants('ticks');

type Step = Size & { rows: () => string[] };
const SMALL: Step = {
  connections: 1_000,
  measurements: 1_000,
  rows: () => [...connectionRows(0, 1_000), ...measurementRows(1_000, 0, 1)],
};
/** What the free plan carries; the table of all routes is of this size. */
const CARRIED: Size = { connections: 30_000, measurements: 1_000_000 };
/** Each grows out of the one before. */
const GROWTH: Step[] = [
  {
    connections: 1_000,
    measurements: 1_000_000,
    rows: () => [...connectionRows(0, 1_000), ...measurementRows(1_000, 0, 1_000)],
  },
  { ...CARRIED, rows: () => connectionRows(1_000, CARRIED.connections) },
  { connections: 1_000_000, measurements: 1_000_000, rows: () => connectionRows(CARRIED.connections, 1_000_000) },
  { connections: 1_000_000, measurements: 10_000_000, rows: () => measurementRows(1_000_000, 1_000, 1_009) },
];
/** Many short slices: what else the machine does comes and goes, and hits both of a round. */
const IN_FULL = values.small ? { rounds: 1, sliceMs: 20 } : { rounds: 25, sliceMs: 200 };
const IN_SHORT = { rounds: 15, sliceMs: 150 };

const main: Size = values.small ? SMALL : CARRIED;
const steps = values.small ? [SMALL] : wantsGrowth ? GROWTH : GROWTH.slice(0, 2);
const ofPlain = values.small ? [SMALL] : GROWTH.slice(0, 2);

const say = (text: string): void => console.error(`${(process.uptime() | 0).toString().padStart(4)} s  ${text}`);

/** The same rows as D1 has, as a service of one's own would keep them. */
const plainDatabase = (): string => {
  const file = join(OUT, 'plain.sqlite');
  for (const end of ['', '-wal', '-shm']) rmSync(file + end, { force: true });
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode = wal');
  for (const sql of [...migrations(), ...appRows(), ...ofPlain.flatMap(({ rows }) => rows())]) db.exec(sql);
  db.close();
  return file;
};

const insteadOf = (route: Route, served: Served): (Contestant & { name: string }) | undefined => {
  if (route === 'sync') return undefined;
  return route === 'auth' || route === 'callback'
    ? { ...grantAt(served, route), name: 'grant' }
    : { ...plainAt(served, route), name: 'Node + SQLite' };
};

const report: Report = { machine: machine(), bundle: null, results: [], ticks: [], live: null, cpu: [], memory: [] };
mkdirSync(OUT, { recursive: true });
say('the bundle');
const bundle = buildBroker();
if (wants('bundle')) report.bundle = { gzippedBytes: bundle.gzippedBytes, startUpMs: Math.round(startUpMs()) };

const measureWeighIns = async (): Promise<void> => {
  const sizes = values.small ? { weighIns: 1, rounds: 0 } : { weighIns: 500, rounds: 5 };
  say(`${sizes.weighIns} weigh-ins, and ${sizes.rounds} times some with the quota spent`);
  report.live = await measureLive(bundle.script, sizes);
};

const measureInvocations = async (): Promise<void> => {
  const work = values.small ? WORK.slice(0, 1) : WORK;
  report.cpu = await measureCpu(join(OUT, 'broker'), OUT, work, values.small ? ONCE : OFTEN, say);
};

const measureResidentMemory = async (): Promise<void> => {
  const span = values.small ? THREE_SECONDS : HALF_AN_HOUR;
  report.memory = await measureMemory(join(OUT, 'broker'), OUT, span, say);
};

/** Everything but these, which need no database of that size. */
const measureAll = async (): Promise<void> => {
  const upstream = await createUpstream().listen();
  const workers = await startWorkers(
    bundle.script,
    await recordScripts(await importRoutes(), upstream.origin),
    upstream.origin,
  );
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const sql of statements) await workers.db.prepare(sql).run();
  };

  const measure = async (size: Size, route: Route, alternatives: Served | undefined): Promise<Result> => {
    const instead = alternatives && insteadOf(route, alternatives);
    const contestants = [brokerAt(workers.broker, route), floorAt(workers.floor, route), ...(instead ? [instead] : [])];
    const [broker = [], floor = [], third] = await alternate(contestants, route, alternatives ? IN_FULL : IN_SHORT);
    return {
      connections: size.connections,
      measurements: size.measurements,
      route,
      broker: figuresOf(broker),
      floor: figuresOf(floor),
      ratio: ratioOf(broker, floor),
      atLeast: ROUTES[route].atLeast ?? null,
      instead: instead && third ? { name: instead.name, ...figuresOf(third) } : null,
    };
  };

  try {
    const start = [...migrations(), ...appRows(), ENDLESS_SHARE, ...(await syncableRows(1, 2 * SYNCABLE))];
    await workers.db.batch(start.map((sql) => workers.db.prepare(sql)));
    const routes = namedRoutes.length > 0 || !wants('growth') ? namedRoutes : ALL_ROUTES;
    for (const size of steps) {
      const isMain = size.connections === main.connections;
      say(`${size.connections} connections, ${size.measurements} measurements`);
      await run(size.rows());
      if (wants('ticks') && size.measurements === main.measurements) {
        report.ticks.push({
          connections: size.connections,
          measurements: size.measurements,
          ...(await tickCost(workers.db)),
        });
      }
      const alternatives =
        isMain && routes.length > 0 ? await startAlternatives(plainDatabase(), upstream.origin) : undefined;
      try {
        for (const route of isMain || wants('growth') ? routes : []) {
          say(route);
          report.results.push(await measure(size, route, alternatives));
        }
      } finally {
        alternatives?.stop();
      }
    }
  } finally {
    hangUp();
    upstream.close();
    await workers.stop();
  }
};
// Both start isolates of the same folders, so they run one after the other.
const measureIsolates = async (): Promise<void> => {
  if (wants('cpu')) await measureInvocations();
  if (positionals.includes('memory')) await measureResidentMemory();
};
const apart = [...(wants('live') ? [measureWeighIns] : []), measureIsolates];
// What is measured runs alone; small figures say nothing.
if (values.small) await Promise.all(apart.map((measure) => measure()));
else for (const measure of apart) await measure();
if (positionals.length === 0 || positionals.some((name) => !['live', 'cpu', 'bundle', 'memory'].includes(name)))
  await measureAll();

const file = values.json ?? join(OUT, 'bench.json');
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
console.log(`${printed(report, main)}\n\n${file}`);

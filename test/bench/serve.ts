import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';

import type * as App from '../../src/http/app.ts';
import { withEnvironment } from '../support/worker-in-node.ts';
import { type Script, settings } from './record.ts';

/**
 * What is measured, as processes: the broker and its floor in one workerd, on one database; and what a user would pick
 * instead.
 */

const root = join(import.meta.dirname, '../..');
/** Where everything is put that is built or written here. */
export const OUT = join(root, 'dist/bench');

/** The Worker's bundle as wrangler uploads it. */
export const buildBroker = (): { script: string; gzippedBytes: number } => {
  const folder = join(OUT, 'broker');
  rmSync(folder, { recursive: true, force: true });
  const wrangler = join(root, 'node_modules/wrangler/bin/wrangler.js');
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false' };
  execFileSync(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', folder], {
    cwd: root,
    stdio: 'ignore',
    env,
  });
  const files = readdirSync(folder).filter((name) => !/\.map$|README/.test(name));
  return {
    script: readFileSync(join(folder, 'worker.js'), 'utf8'),
    gzippedBytes: files.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0),
  };
};

/** The broker's routes for this process, which reads no JSX. */
export const importRoutes = async (): Promise<typeof App> => {
  const outfile = join(OUT, 'routes.mjs');
  const entryPoints = [join(root, 'src/http/app.ts')];
  await build({ entryPoints, outfile, bundle: true, format: 'esm', platform: 'node', target: 'node24' });
  return import(outfile);
};

const buildFloor = async (): Promise<string> => {
  const built = await build({
    entryPoints: [join(import.meta.dirname, 'floor.ts')],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    minify: true,
    write: false,
  });
  return built.outputFiles[0]?.text ?? '';
};

/**
 * CPU time in milliseconds that a fresh V8 takes to read the bundle and run it up to its first request; the least of
 * five.
 */
export const startUpMs = (): number => {
  const script = `${withEnvironment(JSON.stringify(settings('http://127.0.0.1')))}
    const begun = process.cpuUsage(); await import(${JSON.stringify(join(OUT, 'broker/worker.js'))});
    const { user, system } = process.cpuUsage(begun); console.log((user + system) / 1000)`;
  const times = Array.from({ length: 5 }, () =>
    Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })),
  );
  return Math.min(...times);
};

/** A process that answers requests. */
export type Served = { url: URL; cpuMs: () => number };

/** CPU time that a process has used so far, its threads included: Linux counts it in hundredths of a second. */
const cpuMsOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

const workerdOf = (parent: number): number => {
  const isOurs = (pid: string) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.includes('(workerd)') && Number(stat.split(') ')[1]?.split(' ')[1]) === parent;
    } catch {
      return false;
    }
  };
  return Number(readdirSync('/proc').find((name) => /^\d+$/.test(name) && isOurs(name)));
};

const SHARED = {
  compatibilityDate: '2026-10-23',
  compatibilityFlags: ['global_fetch_strictly_public'],
  d1Databases: { DB: 'bench' },
  kvNamespaces: { LINKS: 'bench' },
  unsafeDirectSockets: [{}],
};

/** The broker alone, with its cron. */
export const startBroker = async (script: string, bindings: Record<string, string>) => {
  const server = new Miniflare(
    convertV4MiniflareOptions({
      workers: [{ ...SHARED, name: 'broker', modules: true, script, bindings }],
      handleStructuredLogs: () => undefined,
    }),
  );
  await server.ready;
  const worker = await server.getWorker('broker');
  return {
    url: await server.unsafeGetDirectURL('broker'),
    db: await server.getD1Database('DB', 'broker'),
    tick: async () => worker.scheduled({ cron: '* * * * *' }),
    stop: () => server.dispose(),
  };
};

/** The broker and the floor, and the database that both use. */
export const startWorkers = async (broker: string, scripts: Record<string, Script>, upstream: string) => {
  const server = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        { ...SHARED, name: 'broker', modules: true, script: broker, bindings: settings(upstream) },
        {
          ...SHARED,
          name: 'floor',
          modules: true,
          script: await buildFloor(),
          bindings: { SCRIPTS: JSON.stringify(scripts) },
        },
      ],
      // The broker's log lines are read and dropped.
      handleStructuredLogs: () => undefined,
    }),
  );
  await server.ready;
  const pid = workerdOf(process.pid);
  const served = async (name: string): Promise<Served> => ({
    url: await server.unsafeGetDirectURL(name),
    cpuMs: () => cpuMsOf(pid),
  });
  return {
    broker: await served('broker'),
    floor: await served('floor'),
    db: await server.getD1Database('DB', 'broker'),
    stop: () => server.dispose(),
  };
};

/** Starts what a user would pick instead, in a Node process of its own, reading `database`. */
export const startAlternatives = async (database: string, upstream: string): Promise<Served & { stop: () => void }> => {
  const script = join(import.meta.dirname, 'alternatives.ts');
  const args = ['--disable-warning=ExperimentalWarning', script, database, upstream];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the alternatives ended with ${code}`)));
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
  });
  const pid = child.pid ?? 0;
  return { url: new URL(`http://127.0.0.1:${port}`), cpuMs: () => cpuMsOf(pid), stop: () => child.kill() };
};

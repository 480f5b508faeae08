import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { build } from 'esbuild';

import { settings } from '../record.ts';
import type { Recording } from './bare.ts';
import { type Isolate, type Script, startIsolate } from './isolate.ts';
import { type StandIns, startStandIns } from './stand-ins.ts';
import { type Invocation, type Work } from './work.ts';

/** CPU of one invocation of each kind, of the broker and of the bare Worker, each alone in its workerd. */

/** Milliseconds of CPU of the process. */
export type Cpu = { cold: number; warm: number };
export type CpuOf = { work: Work; broker: Cpu; bare: Cpu };

/** How often: fresh processes, invocations before the isolate counts as warm, and measured ones. */
export type Often = { fresh: number; warmUp: number; blocks: number; block: number };
export const OFTEN: Often = { fresh: 4, warmUp: 30, blocks: 4, block: 5 };
/** Shows that it runs. */
export const ONCE: Often = { fresh: 1, warmUp: 0, blocks: 1, block: 1 };

/** What an invocation leaves running, and what workerd does after its start. */
const SETTLE_MS = 25;

export const measureCpu = async (
  broker: string,
  out: string,
  all: readonly Work[],
  often: Often,
  say: (text: string) => void,
): Promise<CpuOf[]> => {
  const standIns = await startStandIns();
  const withings = `http://127.0.0.1:${standIns.ports.withings}`;
  const script = { folder: broker, main: 'worker.js', text: settings(withings) };
  standIns.clear();
  const other = await startIsolate(script, standIns);
  const results: CpuOf[] = [];
  try {
    for (const work of all) {
      say(work.name);
      results.push(await measureWork({ standIns, other, often }, work, script, withings, out));
    }
  } finally {
    await other.stop();
    standIns.close();
  }
  return results;
};

type Bench = { standIns: StandIns; other: Isolate; often: Often };

const measureWork = async (bench: Bench, work: Work, script: Script, withings: string, out: string): Promise<CpuOf> => {
  const { standIns } = bench;
  let serial = 0;
  standIns.clear();
  standIns.history.fill(0, 0);
  await work.setUp(bench);
  const prepare = () => work.prepare(bench, serial++);
  const broker = await measure(bench, script, prepare);
  const recording = await record(bench, script, await prepare());
  standIns.replay();
  const bare = await buildBare(out, [recording], withings);
  const measured = { work, broker, bare: await measure(bench, bare, () => recording.invocation) };
  const [another] = standIns.notRecorded;
  if (another !== undefined) throw new Error(`the bare Worker asked what the broker did not: ${another}`);
  return measured;
};

const measure = async (
  { standIns, often: { fresh, warmUp, blocks, block } }: Bench,
  script: Script,
  prepare: () => Promise<Invocation> | Invocation,
): Promise<Cpu> => {
  const colds: number[] = [];
  const warms: number[] = [];
  for (let start = 1; start <= fresh; start += 1) {
    const first = await prepare();
    const isolate = await startIsolate(script, standIns);
    try {
      colds.push(await cpuOf(isolate, first));
      if (start < fresh) continue;
      for (let done = 0; done < warmUp; done += 1) await invoke(isolate, await prepare());
      for (let done = 0; done < blocks; done += 1) {
        let sum = 0;
        for (let count = 0; count < block; count += 1) sum += await cpuOf(isolate, await prepare());
        warms.push(sum / block);
      }
    } finally {
      await isolate.stop();
    }
  }
  return { cold: Math.min(...colds), warm: Math.min(...warms) };
};

const cpuOf = async (isolate: Isolate, invocation: Invocation): Promise<number> => {
  await setTimeout(SETTLE_MS);
  const before = isolate.cpuMs();
  await invoke(isolate, invocation);
  await setTimeout(SETTLE_MS);
  return isolate.cpuMs() - before;
};

export const invoke = async (isolate: Isolate, invocation: Invocation): Promise<number> => {
  if (invocation === 'tick') {
    await isolate.tick();
    return 0;
  }
  const answer = await isolate.fetch(invocation.path, invocation.init);
  const text = await answer.text();
  if (answer.status !== invocation.status) throw new Error(`${invocation.path} answered ${answer.status}: ${text}`);
  return text.length;
};

/** What the broker does in an invocation, for the bare Worker. */
export const record = async (
  { standIns, often }: Pick<Bench, 'standIns' | 'often'>,
  script: Script,
  invocation: Invocation,
): Promise<Recording & { invocation: Invocation }> => {
  const isolate = await startIsolate(script, standIns);
  try {
    let bodyBytes = 0;
    const operations = await standIns.record(async () => {
      bodyBytes = await invoke(isolate, invocation);
      await setTimeout(often.fresh > 1 ? SETTLE_MS : 0);
    });
    return { operations, bodyBytes, status: invocation === 'tick' ? 200 : invocation.status, invocation };
  } finally {
    await isolate.stop();
  }
};

export const buildBare = async (out: string, recordings: readonly Recording[], withings: string): Promise<Script> => {
  const folder = join(out, 'bare');
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [join(import.meta.dirname, 'bare.ts')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    target: 'es2024',
    minify: true,
  });
  return { folder, main: 'worker.js', text: { WITHINGS: withings, RECORDINGS: JSON.stringify(recordings) } };
};

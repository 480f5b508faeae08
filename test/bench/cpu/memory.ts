import { setTimeout } from 'node:timers/promises';

import { settings } from '../record.ts';
import type { Recording } from './bare.ts';
import { type Isolate, type Script, startIsolate } from './isolate.ts';
import { buildBare, invoke, OFTEN, record } from './measure.ts';
import { type StandIns, startStandIns } from './stand-ins.ts';
import { MIXED, setUpMixed, workOf } from './work.ts';

/** Memory of the broker and of the bare Worker, each alone in its workerd, under a mixed load. */

/** Invocations so far, and megabytes of the process and of the JavaScript objects in use. */
type Used = { invocations: number; residentMb: number; usedHeapMb: number };
export type MemoryAt = { minutes: number; broker: Used; bare: Used };

export type Span = { minutes: number; samples: number };
export const HALF_AN_HOUR: Span = { minutes: 30, samples: 10 };
/** Shows that it runs. */
export const THREE_SECONDS: Span = { minutes: 0.05, samples: 1 };

/** Invocations at a time, of each of both. */
const AT_ONCE = 2;

export const measureMemory = async (
  folder: string,
  out: string,
  { minutes, samples }: Span,
  say: (text: string) => void,
): Promise<MemoryAt[]> => {
  const [broker, bare] = [await startBroker(folder), await startBare(folder, out)];
  const taken: MemoryAt[] = [];
  const begun = performance.now();
  const lane = async ({ invokeNext }: Load): Promise<void> => {
    while (taken.length < samples) await invokeNext();
  };
  const sample = async (): Promise<void> => {
    for (let next = 1; next <= samples; next += 1) {
      await setTimeout(Math.max(0, begun + (next * minutes * 60_000) / samples - performance.now()));
      taken.push({
        minutes: (performance.now() - begun) / 60_000,
        broker: await broker.used(),
        bare: await bare.used(),
      });
      say(JSON.stringify(taken.at(-1)));
    }
  };
  try {
    const lanes = [broker, bare].flatMap((load) => Array.from({ length: AT_ONCE }, () => lane(load)));
    await Promise.all([...lanes, sample()]);
  } finally {
    await Promise.all([broker.stop(), bare.stop()]);
  }
  return taken;
};

type Load = { invokeNext: () => Promise<void>; used: () => Promise<Used>; stop: () => Promise<void> };

const startBroker = async (folder: string): Promise<Load> => {
  const standIns = await startMixed();
  const script = brokerIn(folder, standIns);
  const [isolate, other] = [await startIsolate(script, standIns, true), await startIsolate(script, standIns)];
  return loadOf([isolate, other], standIns, async (serial) => {
    await invoke(isolate, await workOf(serial).prepare({ standIns, other }, serial));
  });
};

/** Makes the calls that the broker makes in one invocation of each kind, and is answered as the broker was. */
const startBare = async (folder: string, out: string): Promise<Load> => {
  const standIns = await startMixed();
  const script = brokerIn(folder, standIns);
  const other = await startIsolate(script, standIns);
  const recordings: Recording[] = [];
  for (const [serial, { prepare }] of MIXED.entries())
    recordings.push(await record({ standIns, often: OFTEN }, script, await prepare({ standIns, other }, serial)));
  await other.stop();
  standIns.replay();
  const isolate = await startIsolate(await buildBare(out, recordings, withingsOf(standIns)), standIns, true);
  return loadOf([isolate], standIns, async () => {
    await (await isolate.fetch('/')).text();
    if (standIns.notRecorded.length > 0) throw new Error(`the bare Worker asked more: ${standIns.notRecorded[0]}`);
  });
};

const startMixed = async (): Promise<StandIns> => {
  const standIns = await startStandIns();
  standIns.clear();
  await setUpMixed({ standIns });
  return standIns;
};

const withingsOf = ({ ports }: StandIns): string => `http://127.0.0.1:${ports.withings}`;

const brokerIn = (folder: string, standIns: StandIns): Script => ({
  folder,
  main: 'worker.js',
  // Without subscriptions, which wait for their share of Withings' requests.
  text: { ...settings(withingsOf(standIns)), NOTIFY_APPLI: '' },
});

/** @param isolates the measured one, and those that it needs */
const loadOf = (
  isolates: readonly [Isolate, ...Isolate[]],
  standIns: StandIns,
  invokeOne: (serial: number) => Promise<void>,
): Load => {
  let invocations = 0;
  return {
    invokeNext: () => invokeOne(invocations++),
    used: async () => ({
      invocations,
      residentMb: isolates[0].residentMb(),
      usedHeapMb: await isolates[0].usedHeapMb(),
    }),
    stop: async () => {
      await Promise.all(isolates.map(({ stop }) => stop()));
      standIns.close();
    },
  };
};

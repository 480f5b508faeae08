import { settings } from '../record.ts';
import { startIsolate } from './isolate.ts';
import { invoke } from './measure.ts';
import { startStandIns } from './stand-ins.ts';
import { MIXED, setUpMixed } from './work.ts';

/** Memory of the broker, alone in a workerd, under a mixed load. */

/** Megabytes of the process after so many minutes. */
export type MemoryAt = { minutes: number; invocations: number; residentMb: number };

export type Span = { minutes: number; samples: number };
export const HALF_AN_HOUR: Span = { minutes: 30, samples: 10 };
/** Shows that it runs. */
export const THREE_SECONDS: Span = { minutes: 0.05, samples: 1 };

const AT_ONCE = 4;

export const measureMemory = async (
  broker: string,
  { minutes, samples }: Span,
  say: (text: string) => void,
): Promise<MemoryAt[]> => {
  const standIns = await startStandIns();
  const text = settings(`http://127.0.0.1:${standIns.ports.withings}`);
  standIns.clear();
  const isolate = await startIsolate({ folder: broker, main: 'worker.js', text }, standIns);
  const world = { standIns, other: isolate };
  const taken: MemoryAt[] = [];
  const begun = performance.now();
  let invocations = 0;
  const lane = async (): Promise<void> => {
    while (taken.length < samples) {
      for (const { prepare } of MIXED) await invoke(isolate, await prepare(world, invocations++));
      const passed = (performance.now() - begun) / 60_000;
      if (taken.length === samples || passed < ((taken.length + 1) * minutes) / samples) continue;
      taken.push({ minutes: passed, invocations, residentMb: isolate.residentMb() });
      say(`${isolate.residentMb()} MB after ${invocations} invocations`);
    }
  };
  try {
    await setUpMixed(world);
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  } finally {
    await isolate.stop();
    standIns.close();
  }
  return taken;
};

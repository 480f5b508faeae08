import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * `mushu` in the process of the test, for tests in which the process is not the point: that takes a tenth of the time. The program is
 * evaluated again for each command, what it imports once. One command runs at a time, because a process has one environment.
 */
export type Ended = { code: number | null; out: string; err: string };

/** Set while `mushu` runs here. What it is answered is not what the test was shown: only what it prints is. */
export const ofMushu = new AsyncLocalStorage<true>();

/** Runs it to its end, with nothing but `env` in its environment and without a terminal. */
export const runHere = (args: readonly string[], env: Record<string, string>): Promise<Ended> => {
  const run = last.then(async () => ofMushu.run(true, () => runNow(args, env)));
  last = run.catch(() => undefined);
  return run;
};
let last: Promise<unknown> = Promise.resolve();

const MAIN = new URL('../../src/cli/main.ts', import.meta.url).pathname;
let runs = 0;

const runNow = async (args: readonly string[], env: Record<string, string>): Promise<Ended> => {
  const printed = { out: '', err: '' };
  const print = (stream: 'out' | 'err') => (chunk: string | Uint8Array) => {
    printed[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return true;
  };
  const { stdin, stdout, stderr } = process;
  const listeners = [stdout, stderr].map((stream) => [stream, stream.listeners('error')] as const);
  const undo = [
    swap(process, 'argv', [process.execPath, 'mushu', ...args]),
    swap(process, 'env', env),
    swap(process, 'exit', (code?: number) => {
      throw new Exit(code ?? 0);
    }),
    swap(stdout, 'write', print('out')),
    swap(stderr, 'write', print('err')),
    // Help goes to the descriptor, if there is one.
    ...[stdout, stderr].map((stream) => swap(stream, 'fd', undefined)),
    ...[stdin, stdout, stderr].map((stream) => swap(stream, 'isTTY', false)),
  ];
  process.exitCode = undefined;
  try {
    runs += 1;
    await import(/* @vite-ignore */ `${MAIN}?run=${runs}`);
    return { code: exitCode(), ...printed };
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    return { code: error.code, ...printed };
  } finally {
    process.exitCode = undefined;
    for (const restore of undo) restore();
    for (const [stream, before] of listeners) {
      const added = stream.listeners('error').filter((listener) => !before.includes(listener));
      for (const listener of added) stream.off('error', listener as () => void);
    }
  }
};

const exitCode = (): number => Number(process.exitCode ?? 0);

/** How `process.exit` ends the program, and not the test. */
class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Gives a property another value. Returns how to give the one before back. */
const swap = (object: object, name: string, value: unknown): (() => void) => {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(object, name);
    else Object.defineProperty(object, name, before);
  };
};

import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const exitBy = (signal: NodeJS.Signals): never => process.exit(128 + constants.signals[signal]);

/** Gives `work` a folder that only this user can read, and removes it however the work or the process ends. */
export const withPrivateFolder = async <Value>(work: (folder: string) => Promise<Value>): Promise<Value> => {
  const folder = mkdtempSync(join(tmpdir(), 'mushu-deploy-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.on('exit', remove);
  // A signal ends a process without `exit` and without `finally`, unless something handles it.
  for (const signal of SIGNALS) process.on(signal, exitBy);
  try {
    return await work(folder);
  } finally {
    for (const signal of SIGNALS) process.off(signal, exitBy);
    process.off('exit', remove);
    remove();
  }
};

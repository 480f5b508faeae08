import type { LogEntry } from '../../src/domain/log.ts';
import { findLeaksIn, forgetShown, type Leak } from './canaries.ts';
import { dumpKv, tableTexts } from './dump.ts';

/** The search of a broker that runs inside the test's own workerd: D1, KV, its logs, and every answer. */

const logs: LogEntry[][] = [];

/** Has a broker's log searched. */
export const watchLog = (log: LogEntry[]): void => {
  logs.push(log);
};

/** Every line that a broker's log has had in this file. */
export const loggedLines = (): LogEntry[] => logs.flat();

/** Every planted secret that is somewhere it must not be. */
export const findLeaks = async (): Promise<Leak[]> =>
  findLeaksIn([
    ...Object.entries(await tableTexts()).map(([table, text]) => ({ where: `D1 ${table}`, text })),
    ...Object.entries(await dumpKv()).map(([key, value]) => ({ where: 'KV', text: `${key}\n${value}` })),
    { where: 'log', text: JSON.stringify(logs) },
  ]);

/** Forgets what an earlier file has seen. */
export const forgetCaptured = (): void => {
  forgetShown();
  logs.length = 0;
};

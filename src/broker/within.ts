import type { Sleep } from './deps.ts';

/** The value of a promise; undefined if it takes longer than `ms`. The work is not stopped. */
export const within = async <Value>(sleep: Sleep, ms: number, work: Promise<Value>): Promise<Value | undefined> =>
  Promise.race([work, sleep(ms, work).then(() => undefined)]);

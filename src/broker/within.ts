import type { Sleep } from './deps.ts';

/** The value of a promise; undefined if it takes longer than `ms`. The work is not stopped. */
export const within = async <Value>(sleep: Sleep, ms: number, work: Promise<Value>): Promise<Value | undefined> => {
  const inTime = new AbortController();
  const late = sleep(ms, inTime.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    inTime.abort();
  }
};

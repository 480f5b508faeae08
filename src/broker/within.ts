import type { Sleep } from './deps.ts';

/** What a promise comes to; undefined if it takes longer. The work goes on. */
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

import { onTestFinished, vi } from 'vitest';

/**
 * Until the test ends, a time limit passes when the test says so, and never by itself: no machine is too slow for it.
 */
export const holdTimeLimits = () => {
  const limits = new WeakMap<AbortSignal, AbortController>();
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
    const limit = new AbortController();
    limits.set(limit.signal, limit);
    return limit.signal;
  });
  onTestFinished(() => timeout.mockRestore());
  return {
    pass: (signal: AbortSignal): void => limits.get(signal)?.abort(new DOMException('too late', 'TimeoutError')),
  };
};

import type { Kv } from '../../src/store/kv.ts';
import { whileUnderWay } from './d1-meter.ts';
import { createTripLog, type TripLog } from './trips.ts';

/** Counts of what goes to KV and to Withings. */

/** A KV binding that counts, and fails where a test says so. */
export type KvMeter = {
  kv: Kv;
  /** The operations since the last reset, in their order. */
  operations: KvOperation[];
  reset: () => void;
  /** Makes these operations fail from now on. */
  fail: (...operations: KvOperation[]) => void;
  /** Decides about each operation from now on. */
  failWhen: (decide: (operation: KvOperation) => boolean) => void;
};
export type KvOperation = 'get' | 'put' | 'delete' | 'list';

/** Wraps a KV binding in a meter. */
export const meterKv = (kv: Kv, log: TripLog = createTripLog()): KvMeter => {
  const operations: KvOperation[] = [];
  let isFailing = (_operation: KvOperation): boolean => false;
  const count = (operation: KvOperation) => {
    operations.push(operation);
    if (isFailing(operation)) throw new Error(`KV ${operation.toUpperCase()} failed: 429 Too Many Requests`);
  };
  const trip = <Answer>(run: () => Promise<Answer>) => log.note('kv', () => whileUnderWay(run));
  return {
    kv: {
      get: async (key) => {
        count('get');
        return trip(() => kv.get(key));
      },
      put: async (key, value, options) => {
        count('put');
        return trip(() => kv.put(key, value, options));
      },
      delete: async (key) => {
        count('delete');
        return trip(() => kv.delete(key));
      },
    },
    operations,
    reset: () => {
      operations.length = 0;
    },
    fail: (...now) => {
      isFailing = (operation) => now.includes(operation);
    },
    failWhen: (decide) => {
      isFailing = decide;
    },
  };
};

/** A `fetch` that counts what the broker sends, for `startBroker({ fetch })`. */
export const meterFetch = (log: TripLog = createTripLog()) => {
  let count = 0;
  return {
    count: () => count,
    reset: () => {
      count = 0;
    },
    wrap:
      (send: typeof fetch): typeof fetch =>
      (input, init) => {
        count += 1;
        return log.note('withings', () => send(input, init));
      },
  };
};

import type { Kv } from '../../src/store/kv.ts';

/** A KV that every location reads as it was written last. Nothing expires. */
export const createMemoryKv = (): Kv => {
  const values = new Map<string, string>();
  return {
    get: (key) => Promise.resolve(values.get(key) ?? null),
    put: (key, value) => Promise.resolve(void values.set(key, value)),
    delete: (key) => Promise.resolve(void values.delete(key)),
  };
};

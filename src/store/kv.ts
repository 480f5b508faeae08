import type { StorageFailure } from '../domain/failure.ts';
import { fail, ok, type Result } from '../domain/result.ts';

/** What the broker uses of a KV namespace. */
export type Kv = {
  get: (key: string) => Promise<string | null>;
  put: (key: string, value: string, options: { expirationTtl: number }) => Promise<void>;
  delete: (key: string) => Promise<void>;
};

/** The value; undefined if this location's KV does not have it (yet). */
export const readKv = (kv: Kv, key: string): Promise<Result<string | undefined, StorageFailure>> =>
  tryKv(async () => (await kv.get(key)) ?? undefined);

/** Stores a value for some seconds, at least 60. */
export const writeKv = (
  kv: Kv,
  key: string,
  value: string,
  ttlSeconds: number,
): Promise<Result<void, StorageFailure>> => tryKv(() => kv.put(key, value, { expirationTtl: ttlSeconds }));

export const deleteKv = (kv: Kv, key: string): Promise<Result<void, StorageFailure>> => tryKv(() => kv.delete(key));

const tryKv = async <Value>(run: () => Promise<Value>): Promise<Result<Value, StorageFailure>> => {
  try {
    return ok(await run());
  } catch {
    return fail({ kind: 'storage_unavailable', store: 'kv', retryAfterSeconds: 5 });
  }
};

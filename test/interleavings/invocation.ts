import { AsyncLocalStorage } from 'node:async_hooks';

import type { Bindings } from '../../src/config.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import type { Kv } from '../../src/store/kv.ts';
import { openSqliteD1, type SqliteD1, type Turn } from '../support/sqlite-d1.ts';
import type { Task } from '../support/turns.ts';
import { CLIENT_ID, CLIENT_SECRET, PUBLIC_URL } from './names.ts';
import { SHARES } from './observer.ts';

const KEYS = {
  k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE',
  k2: 'AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI',
};

/** What the effects of an invocation go through, found by the invocation that causes one. */
type Invocation = {
  task: Task;
  d1: Turn;
  kv: Kv;
  fetch: typeof fetch;
  sleep: (ms: number) => Promise<void>;
};
export const running = new AsyncLocalStorage<Invocation>();
export const invocation = (): Invocation => {
  const found = running.getStore();
  if (found === undefined) throw new Error('an effect outside of every invocation');
  return found;
};

const OPERATOR_TOKEN = await mintCredential('operator', (size) => new Uint8Array(size));

/** Opened once: each schedule empties it. So is the configuration, whose keys take longer to derive than a schedule to run. */
export const shared: SqliteD1 = openSqliteD1();
const bindingsWith = (current: keyof typeof KEYS, notifyApplis: readonly number[]) =>
  ({
    DB: shared.bind((statements) => invocation().d1(statements)),
    LINKS: {
      get: (key) => invocation().kv.get(key),
      put: (key, value, options) => invocation().kv.put(key, value, options),
      delete: (key) => invocation().kv.delete(key),
    },
    KEYRING: JSON.stringify({ current, keys: KEYS }),
    OPERATOR_TOKEN,
    PUBLIC_URL,
    NOTIFY_APPLI: notifyApplis.join(','),
    WITHINGS_CLIENT_ID: CLIENT_ID,
    WITHINGS_CLIENT_SECRET: CLIENT_SECRET,
    WITHINGS_API_URL: 'https://wbsapi.withings.net',
    WITHINGS_LOGIN_URL: 'https://account.withings.com',
    CRON_REQUESTS_PER_MINUTE: String(SHARES.cron),
    SYNC_REQUESTS_PER_MINUTE: String(SHARES.sync),
    NOTIFY_REQUESTS_PER_MINUTE: String(SHARES.notify),
    REFRESH_BATCH: '3',
    REFRESH_USED_LATELY_HOURS: '1',
  }) satisfies Bindings;
const made = new Map<string, Bindings>();
/** The broker's bindings, with this key sealing and signing. */
export const bindingsOf = (current: keyof typeof KEYS, notifyApplis: readonly number[]): Bindings => {
  const name = `${current} ${notifyApplis.join(',')}`;
  const bindings = made.get(name) ?? bindingsWith(current, notifyApplis);
  made.set(name, bindings);
  return bindings;
};

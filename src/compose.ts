import {
  type CredentialLookupLimiter,
  createCredentialLookupLimiter,
} from './broker/access/credential-lookup-limiter.ts';
import type { RateLimitName, Deps, Sleep } from './broker/deps.ts';
import { createAlarmWebhook } from './broker/operator/alarm-webhook.ts';
import { createPostWebhook } from './broker/webhooks/post-webhook.ts';
import { meterWithings } from './broker/withings.ts';
import { type Bindings, type Config, haveSameSettings, parseConfig } from './config.ts';
import { createClock } from './domain/clock.ts';
import { dataPointOf, type LogEntry } from './domain/log.ts';
import type { Result } from './domain/result.ts';
import { renderEvent } from './http/api/webhooks/render.ts';
import type { D1Memory } from './store/d1-memory.ts';
import { type D1, openDatabase } from './store/d1.ts';
import { createWithingsClient } from './withings/client.ts';

/** The clock, randomness, `fetch` and the log. Tests replace them, and nothing else. */
export type Platform = {
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** D1's clock, where a test has another than D1. */
  databaseNow?: () => number;
  sleep: Sleep;
  random: (size: number) => Uint8Array;
  log: (entry: LogEntry) => void;
};

export const workersPlatform: Platform = {
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  sleep: (ms, work) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      const end = () => {
        clearTimeout(timer);
        resolve();
      };
      work?.then(end, end);
    }),
  random: (size) => crypto.getRandomValues(new Uint8Array(size)),
  log: writeLog,
};

/** What was parsed last: plain data and keys, safe to share between requests. An isolate has one set of settings. */
let last: { bindings: Bindings; config: Result<Config, string> } | undefined;

const lastConfigIfOf = (bindings: Bindings): Result<Config, string> | undefined =>
  last !== undefined && (last.bindings === bindings || haveSameSettings(bindings, last.bindings))
    ? last.config
    : undefined;

/** The configuration of an environment, or what is wrong with it. Settings that equal the last are not parsed again. */
export const configOf = async (bindings: Bindings): Promise<Result<Config, string>> => {
  const made = lastConfigIfOf(bindings) ?? (await parseConfig(bindings));
  // Of invocations that came at once the first decides: what an isolate remembers goes by its settings.
  const config = lastConfigIfOf(bindings) ?? made;
  // The module's environment is another object than that of the requests, so the next request is found by identity.
  last = { bindings, config };
  return config;
};

/** What an isolate remembers of its requests: plain data too. */
type Memory = { credentials: CredentialLookupLimiter; d1: D1Memory };
const memories = new WeakMap<Bindings, Memory>();

/**
 * Creates the dependencies of use cases for one invocation, or says what is wrong with the environment. Only this file
 * knows all parts.
 *
 * @param d1 the database, or a session with one of its replicas
 */
export const compose = async (
  bindings: Bindings,
  waitUntil: (work: Promise<unknown>) => void,
  platform: Platform = workersPlatform,
  d1: D1 = bindings.DB,
): Promise<Result<Deps, string>> => {
  const config = await configOf(bindings);
  if (!config.ok) return config;
  const memory = memories.get(bindings) ?? { credentials: createCredentialLookupLimiter(), d1: {} };
  memories.set(bindings, memory);
  const { keyring, withings, broker, alarmWebhook } = config.value;
  const { fetch: send, log, ...rest } = platform;
  const { EVENTS: events } = bindings;
  const clock = createClock(platform.now);
  const { now } = clock;
  const db = openDatabase(d1, { ...platform, now, memory: memory.d1 });
  return {
    ok: true,
    value: {
      ...rest,
      now,
      correctClock: clock.correct,
      waitUntil,
      log: events === undefined ? log : withDataPoints(log, events),
      alarmWebhook: alarmWebhook && createAlarmWebhook(alarmWebhook, send, now),
      postWebhook: createPostWebhook(send, now),
      renderEvent,
      credentials: memory.credentials,
      keyring,
      settings: broker,
      links: bindings.LINKS,
      db,
      withings: meterWithings({
        client: createWithingsClient(withings, send, now),
        db,
        shares: broker.shares,
        now,
        sleep: platform.sleep,
      }),
      mayPass: (limit, caller) => mayPass(bindings[RATE_LIMITS[limit]], caller, log),
    },
  };
};

/** The binding behind each rate limit; how many requests it allows is in `wrangler.toml`. */
const RATE_LIMITS = {
  auth: 'AUTH_RATE',
  callback: 'CALLBACK_RATE',
  link_wait: 'WAIT_RATE',
  network: 'NETWORK_RATE',
  failed_credential: 'FAILED_RATE',
  app: 'APP_RATE',
  user: 'USER_RATE',
  manager: 'MANAGER_RATE',
} as const satisfies Record<RateLimitName, keyof Bindings>;

/**
 * Without the binding (a plan or a machine that has none) there is no rate limit. If a rate limit fails, requests pass.
 */
const mayPass = async (binding: RateLimit | undefined, key: string, log: Platform['log']): Promise<boolean> => {
  try {
    return (await binding?.limit({ key }))?.success ?? true;
  } catch {
    log({ level: 'warn', event: 'rate_limit', outcome: 'unavailable' });
    return true;
  }
};

/** Writes each line as a data point too. The platform limits how many an invocation writes; the log has all of them. */
const withDataPoints =
  (log: Platform['log'], events: AnalyticsEngineDataset): Platform['log'] =>
  (entry) => {
    log(entry);
    try {
      events.writeDataPoint(dataPointOf(entry));
    } catch {
      // Nothing of a request depends on it.
    }
  };

/** One JSON object a line, so that no value can forge a line of its own. */
function writeLog(entry: LogEntry): void {
  // oxlint-disable-next-line no-console -- the platform's log is the console
  console[entry.level](JSON.stringify(entry));
}

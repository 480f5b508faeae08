import type { RandomBytes } from '../crypto/credential.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { Log } from '../domain/log.ts';
import type { RefreshPolicy } from '../domain/refresh.ts';
import type { EpochMs } from '../domain/time.ts';
import type { Db } from '../store/d1.ts';
import type { CredentialLookupLimiter } from './access/credential-lookup-limiter.ts';
import type { AlarmWebhook } from './operator/alarm-webhook.ts';
import type { RenderEvent } from './webhooks/deliver.ts';
import type { PostWebhook } from './webhooks/post-webhook.ts';
import type { Shares, Withings } from './withings.ts';

/** What use cases need, made once per invocation by `compose.ts`. */
export type Deps = {
  db: Db;
  /** Link records, under random ids. */
  links: KVNamespace;
  /** The quotas and the client behind them: no request goes another way. */
  withings: Withings;
  keyring: Keyring;
  /** This invocation's clock. */
  now: () => EpochMs;
  /** Sets it by the database's clock; see `Clock`. */
  correctClock: (databaseNow: EpochMs, askedAt: EpochMs) => number;
  sleep: (ms: number) => Promise<void>;
  random: RandomBytes;
  log: Log;
  credentials: CredentialLookupLimiter;
  /** Whether a caller may go on: false where it came too often. A brake, not a count: it is kept per Cloudflare location. */
  mayPass: (brake: RateLimitName, caller: string) => Promise<boolean>;
  /** Sends a notice to the operator's webhook; undefined if there is none. */
  alarmWebhook: AlarmWebhook | undefined;
  /** Sends a webhook to an app's endpoint. */
  postWebhook: PostWebhook;
  /** Writes the body of a webhook. */
  renderEvent: RenderEvent;
  /** Keeps the invocation alive until the work is done, should the client go away. */
  waitUntil: (work: Promise<unknown>) => void;
  settings: BrokerSettings;
};

/** What is braked. */
export type RateLimitName =
  /** Authorization requests, by address: each costs a KV write. */
  | 'auth'
  /** Callbacks, by address: each may cost a request to Withings. */
  | 'callback'
  /** All of these from one wide IPv6 network, whose households may have one owner. */
  | 'network'
  /** Requests with a credential that is not good, by address. */
  | 'failed_credential'
  /** Requests of an app, by the app: one tenant must not use up the day's quotas for all. */
  | 'app'
  /** Requests with a user token, by its user: one person must not use up what their app may ask. */
  | 'user'
  /** Requests of who manages apps, by account, the dashboard's included. */
  | 'manager';

/** What an operator may set; defaults are in `config.ts`. */
export type BrokerSettings = {
  /** Origin under which browsers and Withings reach the broker, given the URL of a request to it. */
  publicUrl: (requestUrl: string) => string;
  /** SHA-256 of the operator's token, hex. */
  operatorTokenHash: string;
  /** What the broker asks Withings for. */
  scope: readonly string[];
  refreshPolicy: RefreshPolicy;
  /** Shares of the 120 requests a minute that Withings grants the whole client: no use of one can hold up another. */
  shares: Shares;
  /** Refreshes in one tick. */
  refreshBatch: number;
  /** Pages of Withings' answer that one sync call stores. */
  pagesPerSlice: number;
  /** How long an entry of the audit trail is kept. */
  auditRetentionMs: number;
  alarms: {
    /** An alarm that lasts is told again after this. */
    repeatMs: number;
    /** So many connections lost within an hour are one. */
    reauthSpike: number;
    /** How large the database may become. */
    databaseMaxBytes: number;
  };
};

/** A uniform number in [0, 1), of 32 random bits. */
export const uniform = (random: RandomBytes): number => {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
};

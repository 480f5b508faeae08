import type { RandomBytes } from '../crypto/credential.ts';
import type { Keyring } from '../crypto/keyring.ts';
import type { Log } from '../domain/log.ts';
import type { Plan } from '../domain/plan.ts';
import type { RefreshPolicy } from '../domain/refresh.ts';
import type { Rows } from '../domain/rows-used.ts';
import type { EpochMs } from '../domain/time.ts';
import type { Db } from '../store/d1.ts';
import type { Kv } from '../store/kv.ts';
import type { CredentialLookupLimiter } from './access/credential-lookup-limiter.ts';
import type { AlarmWebhook } from './operator/alarm-webhook.ts';
import type { RenderEvent } from './webhooks/event-body.ts';
import type { PostWebhook } from './webhooks/post-webhook.ts';
import type { Shares, Withings } from './withings.ts';

/** The dependencies of use cases, created once per invocation by `compose.ts`. */
export type Deps = {
  db: Db;
  /** Link records, by random ids. */
  links: Kv;
  /** The client and the quotas of its requests. All requests to Withings use it. */
  withings: Withings;
  keyring: Keyring;
  /** The clock of this invocation. */
  now: () => EpochMs;
  /** Sets the clock by the database's clock; see `Clock`. */
  correctClock: (databaseNow: EpochMs, askedAt: EpochMs) => number;
  sleep: Sleep;
  random: RandomBytes;
  log: Log;
  credentials: CredentialLookupLimiter;
  /** Whether a caller is within a rate limit. Approximate: counted per Cloudflare location. */
  mayPass: (limit: RateLimitName, caller: string) => Promise<boolean>;
  /** Sends a notice to the operator's webhook; undefined if there is none. */
  alarmWebhook: AlarmWebhook | undefined;
  /** Sends a webhook to an app's endpoint. */
  postWebhook: PostWebhook;
  /** Renders the body of a webhook. */
  renderEvent: RenderEvent;
  /** Keeps the invocation alive until the work is done, even if the client disconnects. */
  waitUntil: (work: Promise<unknown>) => void;
  settings: BrokerSettings;
};

/**
 * Waits so long, or until the work is done. Not by an `AbortSignal`: to make and abort one takes 25 µs of CPU, a timer
 * 3.
 */
export type Sleep = (ms: number, work?: Promise<unknown>) => Promise<void>;

/** The rate limits. */
export type RateLimitName =
  /** Authorization requests, by address: each costs a KV write. */
  | 'auth'
  /** Callbacks, by address: each may cost a request to Withings. */
  | 'callback'
  /** Callbacks that may wait for their turn at Withings, by address: each holds a place. */
  | 'link_wait'
  /** Both of these, by wide IPv6 network: all its households may have one owner. */
  | 'network'
  /** Requests with an invalid credential, by address. */
  | 'failed_credential'
  /** Requests of an app, by app: one app must not use up the day's quotas of all. */
  | 'app'
  /** Requests with a user token, by user: one person must not use up the limit of their app. */
  | 'user'
  /** Requests of managers, by account, including the dashboard's. */
  | 'manager';

/** The operator's settings. Their defaults are in `config.ts`. */
export type BrokerSettings = {
  /** The origin at which browsers and Withings reach the broker, given the URL of a request. */
  publicUrl: (requestUrl: string) => string;
  /** Whether a front holds the domain and hands its requests over. */
  isBehindFront: boolean;
  /** The client at Withings, to which every connection belongs. */
  withingsClientId: string;
  /** Whether every request is refused and no tick does anything. */
  isPaused: boolean;
  /** SHA-256 of the operator's token, hex. */
  operatorTokenHash: string;
  /** The scopes that the broker requests. */
  scope: readonly string[];
  /** The kinds of data (Withings' `appli`) whose notifications the broker subscribes to; none if it is empty. */
  notifyApplis: readonly number[];
  refreshPolicy: RefreshPolicy;
  /** The shares of the 120 requests a minute that Withings allows. No kind of request can use up another's share. */
  shares: Shares;
  /** The most D1 calls of one tick. */
  callsPerTick: number;
  /** The most refreshes of one tick, and how many run at once. */
  refreshBatch: number;
  refreshesAtOnce: number;
  /** The most connections that one tick pulls because nothing else has. */
  pollsPerTick: number;
  /** Groups of earlier releases that one tick compacts. */
  compactedGroups: number;
  /** The most values of one summary. */
  summarizedValues: number;
  /** How many pages of Withings' answer one sync call stores. */
  pagesPerSlice: number;
  /** How many groups of a page it stores. With half as many, it stores no other page. */
  groupsPerPage: number;
  plan: Plan;
  /** The rows that the plan gives a day. */
  rowsADay: Rows;
  /** How long audit entries are kept. */
  auditRetentionMs: number;
  alarms: {
    /** How often the notice of an active alarm is repeated. */
    repeatMs: number;
    /** This many connections lost within an hour raise an alarm. */
    reauthSpike: number;
    /** The largest size of the database. */
    databaseMaxBytes: number;
  };
};

/** A uniformly random number in [0, 1), of 32 bits. */
export const uniform = (random: RandomBytes): number => {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
};

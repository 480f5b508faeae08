import * as z from 'zod';

import type { BrokerSettings } from './broker/deps.ts';
import type { AlarmWebhookConfig } from './broker/operator/alarm-webhook.ts';
import { isWellFormedCredential, hashCredential } from './crypto/credential.ts';
import { type Keyring, parseKeyring } from './crypto/keyring.ts';
import { isWebhookSecret } from './crypto/webhook-signature.ts';
import { MOST_REFRESHES, PLANS } from './domain/plan.ts';
import { DEFAULT_REFRESH_POLICY } from './domain/refresh.ts';
import { fail, ok, type Result } from './domain/result.ts';
import { secret } from './domain/secret.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './domain/time.ts';
import type { Kv } from './store/kv.ts';
import { SMALLEST_SHARE } from './store/tokens/withings-quota.ts';
import type { WithingsConfig } from './withings/client.ts';
import { DEFAULT_MAX_BODY_BYTES, DEFAULT_TIMEOUT_MS } from './withings/constants.ts';

/** The bindings of `wrangler.toml`, and what an operator sets. */
export type Bindings = {
  DB: D1Database;
  LINKS: Kv;
  /** The placed Worker, if this is the front of two: see `edge.ts`. */
  PLACED?: Fetcher;
  AUTH_RATE?: RateLimit;
  CALLBACK_RATE?: RateLimit;
  WAIT_RATE?: RateLimit;
  NETWORK_RATE?: RateLimit;
  FAILED_RATE?: RateLimit;
  APP_RATE?: RateLimit;
  USER_RATE?: RateLimit;
  MANAGER_RATE?: RateLimit;
  /** Gets a data point for each line of the log; see `docs/operating.md`. */
  EVENTS?: AnalyticsEngineDataset;
} & Partial<Record<keyof z.input<typeof settings>, string | undefined>>;

const positive = z.coerce.number().int().positive();
const share = (usual: number) => positive.min(SMALLEST_SHARE).default(usual);

/** What an operator sets: secrets without defaults, and numbers whose defaults fit the free plan. */
const settings = z.object({
  KEYRING: z.string().min(1),
  OPERATOR_TOKEN: z.string().min(1),
  WITHINGS_CLIENT_ID: z.string().min(1),
  WITHINGS_CLIENT_SECRET: z.string().min(1),
  WITHINGS_API_URL: z.url(),
  WITHINGS_LOGIN_URL: z.url(),
  /** Comma-separated. */
  WITHINGS_SCOPE: z.string().default('user.metrics'),
  /** Which of Withings' notifications are subscribed to, comma-separated: body, temperature, heart. Empty for none. */
  NOTIFY_APPLI: z
    .string()
    .regex(/^(\d{1,3}(,\d{1,3}){0,9})?$/)
    .default('1,2,4'),
  /** Where browsers reach the broker; the origin of each request where absent. */
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Set in the placed Worker of two. It says in the database which key it signs with. */
  BEHIND_FRONT: z.enum(['yes', 'no']).default('no'),
  /**
   * While `yes`, nothing is served, synced or refreshed, so that the database can be replaced. `npm run restore` sets
   * it.
   */
  PAUSED: z.enum(['yes', 'no']).default('no'),
  /** Cloudflare's plan: it decides what the settings below are that are not set. */
  PLAN: z.enum(['free', 'paid']).default('free'),
  /**
   * Refreshes in one tick: a fetch and about two D1 calls each. The cron's share of Withings' requests bounds them too.
   */
  REFRESH_BATCH: positive.optional(),
  REFRESH_USED_LATELY_HOURS: positive.default(DEFAULT_REFRESH_POLICY.usedLatelyMs / HOUR_MS),
  REFRESH_AHEAD_MINUTES: positive.max(60).default(DEFAULT_REFRESH_POLICY.aheadMs / MINUTE_MS),
  REFRESH_IDLE_DAYS: positive.max(300).default(DEFAULT_REFRESH_POLICY.idleIntervalMs / DAY_MS),
  /** Shares of the 120 requests a minute that Withings allows, unless it allows more: refreshes, requested syncs, … */
  CRON_REQUESTS_PER_MINUTE: share(26),
  SYNC_REQUESTS_PER_MINUTE: share(32),
  /** … syncs and reviews that the cron goes on with, … */
  RESUME_REQUESTS_PER_MINUTE: share(10),
  REVIEW_REQUESTS_PER_MINUTE: share(6),
  /** … code exchanges, subscriptions to notifications, and revocations with what else there is. */
  LINK_REQUESTS_PER_MINUTE: share(14),
  NOTIFY_REQUESTS_PER_MINUTE: share(20),
  OTHER_REQUESTS_PER_MINUTE: share(12),
  /** Connections that one tick pulls because nothing else has: about twelve rows written, and two requests each. */
  PULLS_PER_TICK: positive.max(30).optional(),
  /** How long one request to Withings may take. A refresh lease outlives two of them. */
  WITHINGS_TIMEOUT_MS: positive.max(20_000).default(DEFAULT_TIMEOUT_MS),
  /** Pages of Withings' answer that one sync call stores before it answers 202. */
  SYNC_PAGES_PER_SLICE: positive.max(10).optional(),
  /** Where alarms are sent, beside the log; a secret, since such URLs often are. HTTPS, or a machine of one's own. */
  ALERT_WEBHOOK_URL: z
    // Without `abort` the refinement gets what is no URL.
    .url({ protocol: /^https?$/, abort: true })
    .refine(isHttpsOrLocal)
    .optional(),
  /** Signs what is sent there, as Standard Webhooks says. */
  ALERT_WEBHOOK_SECRET: z.string().refine(isWebhookSecret).optional(),
  /** Repeat interval for an active alarm. */
  ALERT_REPEAT_HOURS: positive.default(24),
  /** How many connections lost within an hour raise an alarm. */
  ALERT_REAUTH_SPIKE: positive.max(1_000).default(10),
  /** How long entries of the audit trail are kept: at least as long as D1 can be restored to an earlier time. */
  AUDIT_RETENTION_DAYS: positive.min(30).default(400),
  /** How large the database may become: 500 MB on the free plan, 10,000 on the paid one. */
  DATABASE_MAX_MB: positive.optional(),
});

/** The names of all settings. */
export const SETTINGS = settings.keyof().options;

/** The front of two Workers neither manages apps nor calls Withings, so it has no credential for either. */
const settingsOfFront = () => settings.partial({ OPERATOR_TOKEN: true, WITHINGS_CLIENT_SECRET: true });
type Settings = z.output<ReturnType<typeof settingsOfFront>>;

function isHttpsOrLocal(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || hostname === '127.0.0.1' || hostname === 'localhost';
}

/** Everything the broker is configured with, parsed. */
export type Config = {
  keyring: Keyring;
  withings: WithingsConfig;
  broker: BrokerSettings;
  alarmWebhook: AlarmWebhookConfig | undefined;
};

/** Whether two environments parse to the same. */
export const haveSameSettings = (one: Bindings, other: Bindings): boolean =>
  (one.PLACED === undefined) === (other.PLACED === undefined) && SETTINGS.every((name) => one[name] === other[name]);

/** Parses the environment. A bad one names its variables, never their values. */
export const parseConfig = async (bindings: Bindings): Promise<Result<Config, string>> => {
  const parsed = (bindings.PLACED === undefined ? settings : settingsOfFront()).safeParse(bindings);
  if (!parsed.success) {
    const names = parsed.error.issues.map(({ path }) => path.join('.'));
    return fail(`missing or not valid: ${[...new Set(names)].join(', ')}`);
  }
  const env: Settings = parsed.data;
  if ((env.REFRESH_BATCH ?? 0) > MOST_REFRESHES[env.PLAN]) return fail('missing or not valid: REFRESH_BATCH');
  const keyring = parseKeyring(env.KEYRING);
  if (!keyring.ok) return keyring;
  if (env.OPERATOR_TOKEN !== undefined && !(await isWellFormedCredential('operator', env.OPERATOR_TOKEN))) {
    return fail('OPERATOR_TOKEN is not a credential made for it (mushu_operator_…)');
  }
  return ok({
    keyring: keyring.value,
    withings: {
      apiBaseUrl: env.WITHINGS_API_URL,
      loginBaseUrl: env.WITHINGS_LOGIN_URL,
      clientId: env.WITHINGS_CLIENT_ID,
      clientSecret: secret(env.WITHINGS_CLIENT_SECRET ?? ''),
      timeoutMs: env.WITHINGS_TIMEOUT_MS,
      maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
    },
    broker: await brokerSettings(env),
    alarmWebhook:
      env.ALERT_WEBHOOK_URL === undefined
        ? undefined
        : {
            url: secret(env.ALERT_WEBHOOK_URL),
            signingSecret: env.ALERT_WEBHOOK_SECRET === undefined ? undefined : secret(env.ALERT_WEBHOOK_SECRET),
          },
  });
};

const brokerSettings = async (env: Settings): Promise<BrokerSettings> => ({
  ...planSettings(env),
  publicUrl: (requestUrl) => new URL(env.PUBLIC_URL ?? requestUrl).origin,
  isBehindFront: env.BEHIND_FRONT === 'yes',
  withingsClientId: env.WITHINGS_CLIENT_ID,
  isPaused: env.PAUSED === 'yes',
  // No hash is empty: without a token there is no operator.
  operatorTokenHash: env.OPERATOR_TOKEN === undefined ? '' : await hashCredential(env.OPERATOR_TOKEN),
  scope: env.WITHINGS_SCOPE.split(','),
  notifyApplis: env.NOTIFY_APPLI.split(',').filter(Boolean).map(Number),
  refreshPolicy: {
    usedLatelyMs: env.REFRESH_USED_LATELY_HOURS * HOUR_MS,
    aheadMs: env.REFRESH_AHEAD_MINUTES * MINUTE_MS,
    idleIntervalMs: env.REFRESH_IDLE_DAYS * DAY_MS,
  },
  shares: {
    cron: { requestsPerMinute: env.CRON_REQUESTS_PER_MINUTE },
    sync: { requestsPerMinute: env.SYNC_REQUESTS_PER_MINUTE },
    resume: { requestsPerMinute: env.RESUME_REQUESTS_PER_MINUTE },
    review: { requestsPerMinute: env.REVIEW_REQUESTS_PER_MINUTE },
    link: { requestsPerMinute: env.LINK_REQUESTS_PER_MINUTE },
    notify: { requestsPerMinute: env.NOTIFY_REQUESTS_PER_MINUTE },
    other: { requestsPerMinute: env.OTHER_REQUESTS_PER_MINUTE },
  },
  auditRetentionMs: env.AUDIT_RETENTION_DAYS * DAY_MS,
  alarms: {
    repeatMs: env.ALERT_REPEAT_HOURS * HOUR_MS,
    reauthSpike: env.ALERT_REAUTH_SPIKE,
    databaseMaxBytes: (env.DATABASE_MAX_MB ?? PLANS[env.PLAN].databaseMaxMb) * 1_000_000,
  },
});

/** What the plan decides. A setting of its own wins. */
const planSettings = (env: Settings) => {
  const { refreshBatch, pollsPerTick, pagesPerSlice, databaseMaxMb: _, ...ofPlanAlone } = PLANS[env.PLAN];
  return {
    ...ofPlanAlone,
    plan: env.PLAN,
    refreshBatch: env.REFRESH_BATCH ?? refreshBatch,
    pollsPerTick: env.PULLS_PER_TICK ?? pollsPerTick,
    pagesPerSlice: env.SYNC_PAGES_PER_SLICE ?? pagesPerSlice,
  };
};

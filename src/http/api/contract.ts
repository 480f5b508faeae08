import * as z from 'zod';

/**
 * The HTTP contract: what requests hold and what answers look like. Nothing but zod is imported here, so that the server, the CLI and the
 * OpenAPI document share it.
 */

/** RFC 9457, with a stable `code` and the request's id. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  request_id: z.string(),
});
export type Problem = z.infer<typeof problem>;

export const linkPolicy = z.enum(['open', 'session', 'confirm']);
/** What becomes of a link to a Withings account that another user of the app is linked to already. */
export const sharedAccounts = z.enum(['allow', 'refuse']);
export const keyScope = z.enum(['read', 'sync', 'manage-links']);

/** RFC 3339. */
const instant = z.iso.datetime({ offset: true });
const name = z.string().trim().min(1).max(100);
const redirectUriText = z.string().max(2048);
const userIdText = z.string().max(1024);

export const app = z.object({
  id: z.string(),
  name: z.string(),
  link_policy: linkPolicy,
  allow_loopback: z.boolean(),
  /** Whether API keys are refused in requests that carry an `Origin`: those of a page's script. */
  refuse_browser_keys: z.boolean(),
  shared_accounts: sharedAccounts,
  disabled: z.boolean(),
  created_at: instant,
});

export const createAppRequest = z.strictObject({ name });
export const updateAppRequest = z.strictObject({
  name: name.optional(),
  link_policy: linkPolicy.optional(),
  allow_loopback: z.boolean().optional(),
  refuse_browser_keys: z.boolean().optional(),
  shared_accounts: sharedAccounts.optional(),
  disabled: z.boolean().optional(),
});
export const appList = z.object({ data: z.array(app), next_cursor: z.string().nullable() });

export const apiKey = z.object({
  id: z.string(),
  name: z.string(),
  /** The key's last characters. */
  hint: z.string(),
  scopes: z.array(keyScope),
  created_at: instant,
  last_used_at: instant.nullable(),
  revoked_at: instant.nullable(),
});
export const createKeyRequest = z.strictObject({ name, scopes: z.array(keyScope).min(1).optional() });
/** The only answer that holds a key. */
export const createdKey = apiKey.extend({ key: z.string() });
export const keyList = z.object({ data: z.array(apiKey) });

export const redirectUriWarning = z.object({ code: z.string(), detail: z.string() });
export const redirectUri = z.object({
  uri: z.string(),
  warnings: z.array(redirectUriWarning),
  created_at: instant,
});
export const registeredRedirectUri = redirectUri.omit({ created_at: true });
export const redirectUriRequest = z.strictObject({ uri: redirectUriText });
export const redirectUriList = z.object({ data: z.array(redirectUri) });
export const redirectUriQuery = z.object({ uri: redirectUriText });

export const auditEntry = z.object({
  id: z.string(),
  at: instant,
  /** `operator`, the id of a developer account, or the id of an API key. */
  actor: z.string(),
  /** `api`, `cli`, `dashboard` or `cron`, as the client says. */
  surface: z.string(),
  action: z.string(),
  app_id: z.string().nullable(),
  /** The id of what was changed; of a user, a keyed hash. */
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
});
export const auditList = z.object({ data: z.array(auditEntry), next_cursor: z.string().nullable() });
export const auditQuery = z.object({ cursor: z.string().max(200).optional() });

export const status = z.object({ connected: z.boolean() });

export const userTokenRequest = z.strictObject({ user_id: userIdText });
export const userToken = z.object({ token: z.string(), expires_at: instant });

export const connectSessionRequest = z.strictObject({ user_id: userIdText, redirect_uri: redirectUriText });
export const connectSession = z.object({ auth_url: z.string(), expires_at: instant });

export const confirmRequest = z.strictObject({ ticket: z.string().max(200), user_id: userIdText });

/** Counts are of measurements. */
export const syncResult = z.object({
  added: z.int(),
  changed: z.int(),
  removed: z.int(),
  /** False while a long history is still being read: call again, or wait for the cron. */
  complete: z.boolean(),
  synced_at: instant,
});

export const timelineEvent = z.object({
  kind: z.string(),
  reason: z.string().optional(),
  at: instant,
  until: instant.optional(),
  count: z.int().optional(),
});

export const connection = z.object({
  user_id: z.string(),
  state: z.enum(['pending', 'active', 'reauth_required', 'disconnected']),
  state_reason: z.string().nullable(),
  state_since: instant,
  /** Since when a connection waits for its confirmation, beside the one described here or instead of it. */
  pending_since: instant.nullable(),
  scopes: z.array(z.string()),
  created_at: instant.nullable(),
  last_sync_at: instant.nullable(),
  next_refresh_at: instant.nullable(),
  last_failure: z.object({ kind: z.string(), at: instant }).nullable(),
  timeline: z.array(timelineEvent),
});

export const metricValue = z.object({
  metric: z.string(),
  value: z.number(),
  unit: z.string(),
  measured_at: instant,
  /** Withings' `grpid`. */
  group_id: z.int(),
  derived: z.boolean(),
  /** What a derived value was computed from. */
  derived_from: z.array(z.string()).optional(),
  source: z.object({ device: z.string().nullable(), attribution: z.string() }),
});
export const metricList = z.object({ data: z.array(metricValue), next_cursor: z.string().nullable() });
export const latestMetrics = z.object({ data: z.record(z.string(), metricValue) });

export const MOST_METRIC_VALUES = 1_000;
const DEFAULT_METRIC_VALUES = 100;

export const metricQuery = z.object({
  /** Comma-separated names; every metric of the whole body where absent. */
  metric: z.string().max(2_000).optional(),
  /** RFC 3339, or a date in the user's time zone. */
  from: z.string().max(64).optional(),
  to: z.string().max(64).optional(),
  order: z.enum(['asc', 'desc']).default('desc'),
  limit: z.coerce.number().int().min(1).max(MOST_METRIC_VALUES).default(DEFAULT_METRIC_VALUES),
  cursor: z.string().max(500).optional(),
});
export type MetricQueryParameters = z.infer<typeof metricQuery>;

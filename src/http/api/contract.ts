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
export const instant = z.iso.datetime({ offset: true });
export const name = z.string().trim().min(1).max(100);
const redirectUriText = z.string().max(2048);
const userIdText = z.string().max(1024);

export const app = z.object({
  id: z.string(),
  name: z.string(),
  /** The developer account that owns it; null where the operator does. */
  account_id: z.string().nullable(),
  link_policy: linkPolicy,
  allow_loopback: z.boolean(),
  /** Whether API keys are refused in requests that carry an `Origin`: those of a page's script. */
  refuse_browser_keys: z.boolean(),
  shared_accounts: sharedAccounts,
  disabled: z.boolean(),
  created_at: instant,
});

export const createAppRequest = z.strictObject({
  name,
  /** Which account gets the app; the operator's to say. A developer's apps are their own. */
  account_id: z.string().max(100).optional(),
});
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

/** Where a page goes on. */
export const pageQuery = z.object({ cursor: z.string().max(500).optional() });

export const auditEntry = z.object({
  id: z.string(),
  at: instant,
  /** `operator`, the id of a developer account or of an API key, or `user` for a person by their own user token. */
  actor: z.string(),
  /** The account's access token that was shown, or that signed in to the dashboard. */
  token_id: z.string().nullable(),
  /** `api`, `cli`, `dashboard` or `cron`, as the client says. */
  surface: z.string(),
  action: z.string(),
  app_id: z.string().nullable(),
  /** The account that the change concerns, where it concerns no app. */
  account_id: z.string().nullable(),
  /** The id of what was changed; of a user, a keyed hash. */
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
});
export const auditList = z.object({ data: z.array(auditEntry), next_cursor: z.string().nullable() });
export const auditQuery = z.object({ cursor: z.string().max(200).optional() });

/** Whether an authorization request with a redirect URI would be taken, and what differs if not. */
export const redirectUriTest = z.object({
  matches: z.boolean(),
  /** The registered URI that permits it, else the nearest one. */
  registered: z.string().nullable(),
  /** `case`, `port`, `trailing_slash`, …: how it differs from the nearest. */
  differences: z.array(z.string()),
  explanation: z.string().nullable(),
});

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
  /** How the log and the audit trail name the user. */
  user_hash: z.string(),
  state: z.enum(['pending', 'active', 'reauth_required', 'disconnected']),
  state_reason: z.string().nullable(),
  state_since: instant,
  /** Whether another user of the app is connected to the same Withings account: one of the two is not that person. */
  conflict: z.boolean(),
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
  /** With the user's offset at that moment. */
  measured_at: instant,
  /** Withings' `grpid`. */
  group_id: z.int(),
  /** Of a value of one segment: `left_arm`. */
  segment: z.string().optional(),
  derived: z.boolean(),
  /** What a derived value was computed from. */
  derived_from: z.array(z.string()).optional(),
  source: z.object({ device: z.string().nullable(), attribution: z.string() }),
});
export const metricList = z.object({ data: z.array(metricValue), next_cursor: z.string().nullable() });
/** A 304 leaves `age_seconds` as it was: count from `measured_at`. */
export const latestMetrics = z.object({
  data: z.record(z.string(), metricValue.extend({ age_seconds: z.int() })),
});

/** The values of one metric on one of the user's local days, or in one ISO week or month. */
export const metricPeriod = z.object({
  metric: z.string(),
  unit: z.string(),
  segment: z.string().optional(),
  /** `2024-01-27`, `2024-W04` or `2024-01`. */
  period: z.string(),
  first_day: z.iso.date(),
  last_day: z.iso.date(),
  first: z.number(),
  last: z.number(),
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  /** 0 where the period has no value and repeats the one before. */
  count: z.int(),
  carried_forward: z.boolean(),
  derived: z.boolean(),
  derived_from: z.array(z.string()).optional(),
});
export const metricPeriods = z.object({ data: z.array(metricPeriod) });

/** How far a metric went over the interval; its first and last value there. */
export const metricChange = z.object({
  metric: z.string(),
  unit: z.string(),
  segment: z.string().optional(),
  change: z.number(),
  first: z.object({ value: z.number(), measured_at: instant, group_id: z.int() }),
  last: z.object({ value: z.number(), measured_at: instant, group_id: z.int() }),
  derived: z.boolean(),
  derived_from: z.array(z.string()).optional(),
});
export const metricChanges = z.object({ data: z.array(metricChange) });

export const metricCatalog = z.object({
  data: z.array(
    z.object({
      metric: z.string(),
      /** Empty for a code, or a number without a unit. */
      unit: z.string(),
      /** The unit under `units=imperial`. */
      imperial_unit: z.string(),
      group: z.enum(['body_composition', 'vitals', 'other']),
      description: z.string(),
      ucum: z.string().nullable(),
      loinc: z.object({ code: z.string(), display: z.string() }).nullable(),
      /** HealthKit keeps percentages as fractions. */
      healthkit: z.string().nullable(),
      withings_type: z.int().nullable(),
      derived: z.boolean(),
      /** Has a value for each body segment and none for the whole body. */
      segment: z.boolean(),
    }),
  ),
});

export const MOST_METRIC_VALUES = 1_000;
const DEFAULT_METRIC_VALUES = 100;

/** Comma-separated words of a closed set. */
const words = (...known: string[]) =>
  z
    .string()
    .regex(new RegExp(`^(${known.join('|')})(,(${known.join('|')}))*$`), `must be one or more of ${known.join(', ')}`)
    .optional();

/** What is asked of body data, whatever the form of the answer. */
const metricSelection = z.object({
  /**
   * Comma-separated names of metrics and groups (`body_composition`, `vitals`, `other`, `all`); every metric where absent. A segment's metric
   * means its segments.
   */
  metric: z.string().max(2_000).optional(),
  /** What is added: values that may be another person's, and values of body segments. Manual entries are in unless excluded. */
  include: words('ambiguous', 'segments', 'manual'),
  /** What is left out: values that somebody typed in. A BMI still takes a height that was typed in, as they all are. */
  exclude: words('manual'),
  units: z.enum(['metric', 'imperial']).default('metric'),
});

const metricRange = metricSelection.extend({
  /** RFC 3339, or a date in the user's time zone. */
  from: z.string().max(64).optional(),
  to: z.string().max(64).optional(),
});

export const metricQuery = metricRange.extend({
  order: z.enum(['asc', 'desc']).default('desc'),
  limit: z.coerce.number().int().min(1).max(MOST_METRIC_VALUES).default(DEFAULT_METRIC_VALUES),
  cursor: z.string().max(500).optional(),
});
export const latestQuery = metricSelection.omit({ include: true, exclude: true });
export const metricPeriodsQuery = metricRange.extend({
  order: z.enum(['asc', 'desc']).default('asc'),
  /** Whether a period without values repeats the last value before it, up to `to` or else today. */
  carry_forward: z.enum(['true', 'false']).default('false'),
});
export const metricChangesQuery = metricRange;

export type MetricSelectionParameters = z.infer<typeof metricSelection>;
export type MetricRangeParameters = z.infer<typeof metricRange>;
export type MetricPeriodsParameters = z.infer<typeof metricPeriodsQuery>;
export type MetricQueryParameters = z.infer<typeof metricQuery>;

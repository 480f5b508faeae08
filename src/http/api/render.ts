import type * as z from 'zod';

import type { ShownConnection } from '../../broker/connection-state.ts';
import type { ListedUser } from '../../broker/list-connections.ts';
import type { ApiKey, App, RedirectUri } from '../../domain/app.ts';
import type { AuditEntry } from '../../domain/audit.ts';
import { describeWarning, type RedirectUriWarning } from '../../domain/redirect-uri-registration.ts';
import type { SyncResult } from '../../domain/sync.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { TimelineEvent } from '../../domain/timeline.ts';
import type * as lists from './contract-lists.ts';
import type * as contract from './contract.ts';

/** How what the use cases return looks over HTTP. */

export const instant = (at: EpochMs): string => new Date(at).toISOString();

export const instantOrNull = (at: EpochMs | undefined): string | null => (at === undefined ? null : instant(at));

export const renderApp = (app: App): z.infer<typeof contract.app> => ({
  id: app.id,
  name: app.name,
  account_id: app.accountId ?? null,
  link_policy: app.linkPolicy,
  allow_loopback: app.allowLoopback,
  refuse_browser_keys: app.refuseBrowserKeys,
  shared_accounts: app.sharedAccounts,
  disabled: app.disabledAt !== undefined,
  created_at: instant(app.createdAt),
});

export const renderKey = (key: ApiKey): z.infer<typeof contract.apiKey> => ({
  id: key.id,
  name: key.name,
  hint: key.hint,
  scopes: key.scopes,
  created_at: instant(key.createdAt),
  last_used_at: instantOrNull(key.lastUsedAt),
  revoked_at: instantOrNull(key.revokedAt),
});

export const renderWarnings = (
  uri: string,
  warnings: readonly string[],
): z.infer<typeof contract.redirectUriWarning>[] =>
  warnings.map((code) => ({ code, detail: describeWarning(code as RedirectUriWarning, uri) }));

export const renderRedirectUri = ({ uri, warnings, createdAt }: RedirectUri): z.infer<typeof contract.redirectUri> => ({
  uri,
  warnings: renderWarnings(uri, warnings),
  created_at: instant(createdAt),
});

export const renderAuditEntry = ({
  actor,
  appId,
  accountId,
  at,
  detail,
  ...entry
}: AuditEntry): z.infer<typeof contract.auditEntry> => ({
  ...entry,
  detail: Object.fromEntries(Object.entries(detail).map(([name, value]) => [wireName(name), value])),
  at: instant(at),
  actor: actor.id,
  token_id: actor.tokenId ?? null,
  surface: actor.surface,
  app_id: appId ?? null,
  account_id: accountId ?? null,
});

/** Settings are noted by our names and told by the API's. */
const wireName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const renderSync = ({ syncedAt, ...result }: SyncResult): z.infer<typeof contract.syncResult> => ({
  ...result,
  synced_at: instant(syncedAt),
});

export const renderListedConnection = (user: ListedUser): z.infer<typeof lists.listedConnection> => ({
  user_id: user.userId,
  user_hash: user.userHash,
  state: user.state,
  state_reason: user.stateReason ?? null,
  state_since: instant(user.stateSince),
  last_sync_at: instantOrNull(user.lastSyncAt),
});

/** A user's connection; one that only waits for its confirmation is `pending`. */
export const renderConnection = (
  userId: string,
  { detail, pendingSince, userHash }: ShownConnection,
): z.infer<typeof contract.connection> => ({
  user_id: userId,
  user_hash: userHash,
  state: detail?.state ?? 'pending',
  state_reason: detail?.stateReason ?? null,
  state_since: instant(detail?.stateSince ?? pendingSince ?? 0),
  conflict: detail?.isShared ?? false,
  pending_since: instantOrNull(pendingSince),
  scopes: detail?.scope ?? [],
  created_at: instantOrNull(detail?.createdAt),
  last_sync_at: instantOrNull(detail?.lastSyncAt),
  next_refresh_at: instantOrNull(detail?.nextRefreshAt),
  last_failure:
    detail?.lastFailure === undefined ? null : { kind: detail.lastFailure.kind, at: instant(detail.lastFailure.at) },
  timeline: renderTimeline(detail?.timeline ?? []),
});

export const renderTimeline = (timeline: readonly TimelineEvent[]): z.infer<typeof contract.timelineEvent>[] =>
  timeline.map(({ at, until, ...event }) => ({
    ...event,
    at: instant(at),
    ...(until !== undefined && { until: instant(until) }),
  }));

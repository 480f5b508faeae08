import type * as z from 'zod';

import type { ApiKey, App, RedirectUri } from '../../../domain/app.ts';
import type { StoredAuditEntry } from '../../../domain/audit.ts';
import { describeWarning, type RedirectUriWarning } from '../../../domain/redirect-uri/registration.ts';
import { instant, instantOrNull } from '../instant.ts';
import type * as contract from './contract.ts';

export const renderApp = (app: App): z.infer<typeof contract.app> => ({
  id: app.id,
  name: app.name,
  account_id: app.accountId ?? null,
  link_policy: app.linkPolicy,
  allow_loopback: app.allowLoopback,
  refuse_browser_keys: app.refuseBrowserKeys,
  shared_accounts: app.sharedAccounts,
  history_on_connect: app.historyOnConnect,
  demo_account: app.demoAccount,
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
  warnings: readonly RedirectUriWarning[],
): z.infer<typeof contract.redirectUriWarning>[] =>
  warnings.map((code) => ({ code, detail: describeWarning(code, uri) }));

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
}: StoredAuditEntry): z.infer<typeof contract.auditEntry> => ({
  ...entry,
  detail: Object.fromEntries(Object.entries(detail).map(([name, value]) => [wireName(name), value])),
  at: instant(at),
  actor: actor.id,
  token_id: actor.tokenId ?? null,
  surface: actor.surface,
  app_id: appId ?? null,
  account_id: accountId ?? null,
});

/** Audit details are stored in camelCase and served in snake_case. */
const wireName = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

import type { AppId } from './app-id.ts';
import type { EpochMs } from './time.ts';

/** The channel of a change. The client reports it, so it explains an entry and proves nothing. */
export type Surface = 'api' | 'cli' | 'dashboard' | 'cron';

/** The actor of a change: `operator`, a developer account's id, an API key's id, or `user`. */
export type Actor = {
  id: string;
  /**
   * The access token of the request or of the dashboard session; undefined for the operator's and if there was none.
   */
  tokenId: string | undefined;
  surface: Surface;
};

/** The operator's actor id: the operator has no account. */
export const OPERATOR = 'operator';

/** The actor id of a user with a user token. The entry's subject says which user: the token is valid for no other. */
export const USER = 'user';

/**
 * The credential that minted a token, as the token names it: a key of the app, or an account's access token. If neither
 * is set, the operator's token.
 */
export type Minter = { key?: string | undefined; acc?: string | undefined; tok?: string | undefined };

/**
 * The recorded actions: every change of permissions, and every end of a connection that was requested. The list is
 * closed, so readers can rely on the words.
 */
export const AUDIT_ACTIONS = [
  'account.created',
  'account.changed',
  'access_token.created',
  'access_token.revoked',
  'app.created',
  'app.changed',
  'app.deleted',
  'api_key.created',
  'api_key.revoked',
  'redirect_uri.added',
  'redirect_uri.removed',
  'webhook.created',
  'webhook.changed',
  'webhook.deleted',
  'webhook.secret_rotated',
  'user.disconnected',
  'user.withdrawn',
  'user.exported',
  'user.erased',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** The new values, without secrets and without a user's id: entries outlive the users. */
export type AuditDetail = Record<string, string | number | boolean | string[] | null>;

/** One entry of the audit trail. Entries are never changed. */
export type AuditEntry = {
  id: string;
  at: EpochMs;
  actor: Actor;
  action: AuditAction;
  /** Undefined if the change concerns no app. */
  appId: AppId | undefined;
  /** The account that the change concerns, if it concerns no app. */
  accountId: string | undefined;
  /** The id of what was changed; for a user, the keyed hash. */
  subject: string;
  detail: AuditDetail;
};

/** An entry as it is read. Its words are as they were written, maybe by another version: an entry hides nothing. */
export type StoredAuditEntry = Omit<AuditEntry, 'action' | 'actor'> & {
  action: string;
  actor: Omit<Actor, 'surface'> & { surface: string };
};

import type { EpochMs } from './time.ts';

/** Through what a change was asked for. Told by the client, so it explains an entry and proves nothing. */
export type Surface = 'api' | 'cli' | 'dashboard' | 'cron';

/** Who asks for a change, as far as the audit trail has to know: the `operator`, a developer account's id, an API key's id, or the `user`. */
export type Actor = {
  id: string;
  /** The access token that was shown, or that the dashboard's session began with; undefined for the operator's and where none was. */
  tokenId: string | undefined;
  surface: Surface;
};

/** The operator's id as an actor: it has no account. */
export const OPERATOR = 'operator';

/** The id, as an actor, of a person who shows a user token: which one is the entry's subject, who is the only one it may speak for. */
export const USER = 'user';

/** The credential that a token was minted with, as the token names it: a key of the app, or an account's access token. Neither: the operator's. */
export type Minter = { key?: string | undefined; acc?: string | undefined; tok?: string | undefined };

/** What is noted: every change of who may do what, and every end of a connection that was asked for. A closed list, so that readers can rely on the words. */
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
  'user.disconnected',
  'user.exported',
  'user.erased',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What was changed to what, without anything secret and without a user's id: entries outlive the people they are about. */
export type AuditDetail = Record<string, string | number | boolean | string[] | null>;

/** One entry of the audit trail. Entries are added, and never changed. */
export type AuditEntry = {
  id: string;
  at: EpochMs;
  actor: Actor;
  action: AuditAction;
  /** Undefined where the change concerns no app. */
  appId: string | undefined;
  /** The account that the change concerns, where it concerns no app. */
  accountId: string | undefined;
  /** The id of what was changed; of a user, the keyed hash. */
  subject: string;
  detail: AuditDetail;
};

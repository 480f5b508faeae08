import { type Actor, OPERATOR, type Surface } from './audit.ts';
import { DAY_MS, type EpochMs } from './time.ts';

/** A developer: somebody who owns apps and sees no others. */
export type Account = { id: string; name: string; createdAt: EpochMs; disabledAt: EpochMs | undefined };

/** A token that manages what its account owns, as it may be shown: never the token itself. */
export type AccessToken = {
  id: string;
  name: string;
  hint: string;
  createdAt: EpochMs;
  expiresAt: EpochMs | undefined;
  lastUsedAt: EpochMs | undefined;
  revokedAt: EpochMs | undefined;
};

/** When a token made now ends. */
export const tokenExpiry = (now: EpochMs, days: number): EpochMs => now + days * DAY_MS;

/** Who manages: the operator, who may touch everything, or a developer, who may touch what the account owns. */
export type Principal = {
  /** Undefined for the operator, who has no account. */
  account: { id: string; name: string } | undefined;
  /** The token that was shown, or that signed in; undefined for the operator's, which is a setting of the Worker. */
  token: { id: string; name: string; expiresAt: EpochMs | undefined } | undefined;
  surface: Surface;
};

/** A manager as the audit trail names them. */
export const actorOf = ({ account, token, surface }: Principal): Actor => ({
  id: account?.id ?? OPERATOR,
  tokenId: token?.id,
  surface,
});

/** Whether a manager may see and touch an app. The one place where this is decided. */
export const mayManage = (
  { account }: Pick<Principal, 'account'>,
  app: { accountId: string | undefined } | undefined,
): boolean => app !== undefined && (account === undefined || account.id === app.accountId);

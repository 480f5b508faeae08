import { type Actor, OPERATOR, type Surface } from './audit.ts';
import { DAY_MS, type EpochMs } from './time.ts';

/** A developer: owns apps and sees only those. */
export type Account = { id: string; name: string; createdAt: EpochMs; disabledAt: EpochMs | undefined };

/** An access token's public data, never the token itself. */
export type AccessToken = {
  id: string;
  name: string;
  hint: string;
  createdAt: EpochMs;
  expiresAt: EpochMs | undefined;
  lastUsedAt: EpochMs | undefined;
  revokedAt: EpochMs | undefined;
};

/** Whether a token is refused: revoked, or expired. */
export const isTokenOver = (
  { revokedAt, expiresAt }: Pick<AccessToken, 'revokedAt' | 'expiresAt'>,
  now: EpochMs,
): boolean => revokedAt !== undefined || (expiresAt !== undefined && expiresAt <= now);

export const tokenExpiry = (now: EpochMs, days: number): EpochMs => now + days * DAY_MS;

/** Who manages apps: the operator may change everything, a developer only what the account owns. */
export type Principal = {
  /** Undefined for the operator, who has no account. */
  account: { id: string; name: string } | undefined;
  /**
   * The access token of the request or of the session; undefined for the operator's, which is a setting of the Worker.
   */
  token: { id: string; name: string; expiresAt: EpochMs | undefined } | undefined;
  surface: Surface;
};

/** The principal as an actor of the audit trail. */
export const actorOf = ({ account, token, surface }: Principal): Actor => ({
  id: account?.id ?? OPERATOR,
  tokenId: token?.id,
  surface,
});

/** Whether a principal may see and change an app. Only this function decides it. */
export const mayManage = (
  { account }: Pick<Principal, 'account'>,
  app: { accountId: string | undefined } | undefined,
): boolean => app !== undefined && (account === undefined || account.id === app.accountId);

import { hashCredential, mintCredential, mintId } from '../../crypto/credential.ts';
import {
  type AccessToken,
  type Account,
  actorOf,
  isTokenOver,
  type Principal,
  tokenExpiry,
} from '../../domain/account.ts';
import type { AuditDetail } from '../../domain/audit.ts';
import { type CredentialPage, credentialPage, type CredentialPlace } from '../../domain/credential-list.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import {
  accessTokensOf,
  accountById,
  accountsAfter,
  addAccessToken,
  addAccount,
  changeAccount,
  revokeAccessToken,
} from '../../store/apps/accounts.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';

/** What the operator does to developer accounts, and a developer to the tokens of their own account. */

export const createAccount = async (
  deps: Deps,
  operator: Principal,
  { name }: { name: string },
): Promise<Result<Account, Failure>> => {
  const account: Account = { id: mintId('acct', deps.random), name, createdAt: deps.now(), disabledAt: undefined };
  const audit = auditStatementFor(deps, actorOf(operator), {
    action: 'account.created',
    accountId: account.id,
    subject: account.id,
    detail: { name },
  });
  const added = await addAccount(deps.db, account, [audit]);
  return added.ok ? ok(account) : added;
};

export const showAccount = async (deps: Deps, accountId: string): Promise<Result<Account, Failure>> =>
  orNotFound(await accountById(deps.db, accountId));

const ACCOUNTS_PER_PAGE = 50;

/** A page of accounts, ordered by id. */
export const listAccounts = async (
  deps: Deps,
  afterId: string,
): Promise<Result<{ accounts: Account[]; nextAfterId: string | undefined }, Failure>> => {
  const found = await accountsAfter(deps.db, afterId, ACCOUNTS_PER_PAGE + 1);
  if (!found.ok) return found;
  const accounts = found.value.slice(0, ACCOUNTS_PER_PAGE);
  return ok({ accounts, nextAfterId: found.value.length > ACCOUNTS_PER_PAGE ? accounts.at(-1)?.id : undefined });
};

/** Changes an account. Tokens of a disabled account are refused from the next request on; its apps continue to work. */
export const updateAccount = async (
  deps: Deps,
  operator: Principal,
  accountId: string,
  { name, disabled }: { name?: string | undefined; disabled?: boolean | undefined },
): Promise<Result<Account, Failure>> => {
  const detail: AuditDetail = { ...(name !== undefined && { name }), ...(disabled !== undefined && { disabled }) };
  if (Object.keys(detail).length === 0) return showAccount(deps, accountId);
  const disabledAt = disabled === undefined ? undefined : disabled ? deps.now() : null;
  const audit = auditStatementFor(deps, actorOf(operator), {
    action: 'account.changed',
    accountId,
    subject: accountId,
    detail,
  });
  return orNotFound(await changeAccount(deps.db, accountId, { name, disabledAt }, [audit]));
};

/**
 * The account whose tokens a manager may list and create: a developer's own. The operator has no account and names one.
 */
export const ownAccount = ({ account }: Principal): Result<string, Failure> =>
  account === undefined ? fail({ kind: 'account_needed' }) : ok(account.id);

/** Creates an access token. The token itself is only in this answer. */
export const createAccessToken = async (
  deps: Deps,
  by: Principal,
  accountId: string,
  { name, lifetimeDays }: { name: string; lifetimeDays: number },
): Promise<Result<{ token: Secret; details: AccessToken }, Failure>> => {
  const account = await showAccount(deps, accountId);
  if (!account.ok) return account;
  const token = await mintCredential('access', deps.random);
  const now = deps.now();
  const stored = {
    id: mintId('token', deps.random),
    name,
    hint: token.slice(-4),
    createdAt: now,
    expiresAt: tokenExpiry(now, lifetimeDays),
  };
  const audit = auditStatementFor(deps, actorOf(by), {
    action: 'access_token.created',
    accountId,
    subject: stored.id,
    detail: { name, accountId, lifetimeDays },
  });
  const added = await addAccessToken(deps.db, { ...stored, accountId, hash: await hashCredential(token) }, [audit]);
  if (!added.ok) return added;
  if (!added.value) return fail({ kind: 'too_many_access_tokens' });
  return ok({ token: secret(token), details: { ...stored, lastUsedAt: undefined, revokedAt: undefined } });
};

/**
 * A page of an account's tokens, without the tokens themselves. Valid ones come first, so they are all on the first
 * page.
 */
export const listAccessTokens = async (
  deps: Deps,
  accountId: string,
  after?: CredentialPlace,
): Promise<Result<CredentialPage<AccessToken>, Failure>> => {
  const account = await showAccount(deps, accountId);
  if (!account.ok) return account;
  const now = deps.now();
  const read = await accessTokensOf(deps.db, accountId, after, now);
  return read.ok ? ok(credentialPage(read.value, (token) => isTokenOver(token, now))) : read;
};

/** Revokes a token, from the next request on. */
export const revokeToken = async (
  deps: Deps,
  by: Principal,
  accountId: string,
  tokenId: string,
): Promise<Result<void, Failure>> => {
  const audit = auditStatementFor(deps, actorOf(by), {
    action: 'access_token.revoked',
    accountId,
    subject: tokenId,
    detail: { accountId },
  });
  const revoked = await revokeAccessToken(deps.db, { accountId, tokenId }, deps.now(), [audit]);
  if (!revoked.ok) return revoked;
  return revoked.value ? ok(undefined) : fail({ kind: 'not_found', what: 'access token' });
};

const orNotFound = (found: Result<Account | undefined, Failure>): Result<Account, Failure> => {
  if (!found.ok) return found;
  return found.value === undefined ? fail({ kind: 'not_found', what: 'account' }) : ok(found.value);
};

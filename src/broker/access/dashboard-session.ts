import { constantTimeEqual, hashCredential, isWellFormedCredential, mintCredential } from '../../crypto/credential.ts';
import type { Principal } from '../../domain/account.ts';
import { isSessionOver, SESSION_LIFETIME_MS, SESSION_NOTE_MS } from '../../domain/dashboard-session.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import type { EpochMs } from '../../domain/time.ts';
import {
  addSession,
  recordSessionSeen,
  removeSession,
  removeSessionsOf,
  sessionByHash,
  type StoredSession,
} from '../../store/access/dashboard-sessions.ts';
import type { Deps } from '../deps.ts';
import { admitManager, withinManagerRate } from './admit-manager.ts';

/**
 * Sessions of the dashboard. A token is sent once, at sign-in; then a random cookie replaces it. Only the cookie's hash
 * is stored. A session ends after half an hour without a request, after twelve hours, and by signing out. It also ends
 * if its token is revoked or changed, or its account is disabled.
 */

/** The signed-in manager. */
export type Session = Pick<Principal, 'account' | 'token'> & { expiresAt: EpochMs };

export const managerOf = ({ account, token }: Session): Principal => ({ account, token, surface: 'dashboard' });

/**
 * Signs in with a token. The cookie's value is always new, so a value that the browser had before never becomes a
 * session.
 */
export const signIn = async (
  deps: Deps,
  token: Secret,
  address: string | undefined,
): Promise<Result<{ cookie: Secret; expiresAt: EpochMs }, Failure>> => {
  const signedIn = await holderOf(deps, token, address);
  if (!signedIn.ok) return signedIn;
  const cookie = await mintCredential('session', deps.random);
  const now = deps.now();
  const expiresAt = now + SESSION_LIFETIME_MS;
  const session = { ...signedIn.value, idHash: await hashCredential(cookie), expiresAt };
  const added = await addSession(deps.db, session, now);
  return added.ok ? ok({ cookie: secret(cookie), expiresAt }) : added;
};

const holderOf = async (
  deps: Deps,
  token: Secret,
  address: string | undefined,
): Promise<Result<{ accountId: string | undefined; tokenHash: string }, Failure>> => {
  const admitted = await admitManager(deps, { presented: token, surface: 'dashboard', address });
  if (!admitted.ok) return admitted;
  return ok({ accountId: admitted.value.account?.id, tokenHash: await hashCredential(token.reveal()) });
};

/** The session of a cookie; undefined if there is none or it has ended. One round trip; none for a malformed cookie. */
export const resumeSession = async (
  deps: Deps,
  cookie: string | undefined,
  address: string | undefined,
): Promise<Result<Session | undefined, Failure>> => {
  if (cookie === undefined || !(await isWellFormedCredential('session', cookie))) return ok(undefined);
  const idHash = await hashCredential(cookie);
  const now = deps.now();
  const allowed = deps.credentials.mayLookUp(address, idHash, now);
  if (!allowed.ok) return allowed;
  const found = await sessionByHash(deps.db, idHash);
  if (!found.ok) return found;
  const stored = found.value;
  const isGood = stored !== undefined && !isSessionOver(stored, now) && (await isTokenGood(deps, stored));
  deps.credentials.note(address, idHash, isGood, now);
  if (stored === undefined || !isGood) return ok(undefined);
  const paced = await withinManagerRate(deps, stored.account?.id, address);
  if (!paced.ok) return paced;
  if (now >= stored.lastSeenAt + SESSION_NOTE_MS) deps.waitUntil(recordSessionSeen(deps.db, idHash, now));
  return ok({ account: stored.account, token: stored.token, expiresAt: stored.expiresAt });
};

const isTokenGood = async (deps: Deps, { account, token, tokenHash }: StoredSession): Promise<boolean> => {
  if (account === undefined) return constantTimeEqual(tokenHash, deps.settings.operatorTokenHash);
  if (account.disabled || token === undefined || token.revoked) return false;
  return token.expiresAt === undefined || deps.now() < token.expiresAt;
};

export const signOut = async (deps: Deps, cookie: string): Promise<Result<void, Failure>> =>
  removeSession(deps.db, await hashCredential(cookie));

/** Ends all sessions of the signed-in account, on every device. */
export const signOutEverywhere = (deps: Deps, { account }: Session): Promise<Result<void, Failure>> =>
  removeSessionsOf(deps.db, account?.id);

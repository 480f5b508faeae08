import { hashCredential, isWellFormedCredential } from '../../crypto/credential.ts';
import { USER_TOKEN } from '../../crypto/link-tokens.ts';
import { verify } from '../../crypto/signed-token.ts';
import { hashUser } from '../../crypto/user-hash.ts';
import type { AppId } from '../../domain/app-id.ts';
import { type KeyScope, mayServe, type Purpose } from '../../domain/app.ts';
import { type Actor, type Minter, OPERATOR, type Surface, USER } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import type { UserId } from '../../domain/user-id.ts';
import { recordApiKeyUse } from '../../store/access/api-keys.ts';
import { type KeyLookup, callerByKey, type CurrentConnection } from '../../store/access/key-lookup.ts';
import { callerByUserToken, type UserTokenLookup } from '../../store/access/minted.ts';
import type { Deps, RateLimitName } from '../deps.ts';
import { admitAppManagerForUser, isManagerCredential } from './admit-manager.ts';

/** An app's key, a user token or an access token. */
export type Credential = Secret | undefined;

/**
 * A credential for an app, whether a page's script sent it (the request has an `Origin`), and the interface that it
 * came through.
 */
export type AppCredential = {
  presented: Credential;
  fromBrowser: boolean;
  surface: Surface;
  /** The caller's address, shortened; undefined on a developer's machine, where there are no rate limits. */
  address: string | undefined;
};

/** What a person has a right to. It needs no connection, and a disabled app does not stop it. */
export type PersonRequest = { appId: AppId; userId: UserId; by: Actor };

/** An admitted request: its app and user, the caller, and the user's current connection. */
export type AuthorizedRequest = PersonRequest & {
  connection: CurrentConnection | undefined;
  /** The rate limits that the request was counted in. */
  limits: readonly TakenLimit[];
};

/** A rate limit and the key that it counts by. */
type TakenLimit = { name: RateLimitName; key: string };

/** This many rows that a request reads count as one more request. */
const ROWS_PER_REQUEST = 1_000;

/**
 * Counts the rows that a request has read in its rate limits: D1 bills rows, and a summary may read 20,000 while a
 * status reads four. The request itself is answered; later ones wait.
 */
export const chargeRead = async (deps: Deps, { limits }: AuthorizedRequest, rows: number): Promise<void> => {
  const requests = Array.from({ length: Math.floor(rows / ROWS_PER_REQUEST) });
  await Promise.all(requests.flatMap(() => limits.map(({ name, key }) => deps.mayPass(name, key))));
};

/** The user, and which credentials are accepted. */
type Wanted = { appId: AppId; userId: UserId; scope: KeyScope; userTokens: boolean };

/**
 * Admits a request about one user of an app: by the app's key, by an access token of a manager of the app, or, if
 * `userTokens` are accepted, by that user's token. One round trip, which also reads the connection; none for a
 * malformed key.
 *
 * A key of another app gets the same answer as an app that does not exist.
 */
export const admitForUser = (
  deps: Deps,
  credential: AppCredential,
  wanted: Wanted,
): Promise<Result<AuthorizedRequest, Failure>> => admit(deps, credential, { ...wanted, purpose: 'flow' });

/** As `admitForUser`, for what a person has a right to: their export, their erasure, the end of their connection. */
export const admitForPerson = async (
  deps: Deps,
  credential: AppCredential,
  wanted: Wanted,
): Promise<Result<PersonRequest, Failure>> => {
  const admitted = await admit(deps, credential, { ...wanted, purpose: 'personal_right' });
  if (!admitted.ok) return admitted;
  const { appId, userId, by } = admitted.value;
  return ok({ appId, userId, by });
};

/** The reference, in a signed token, to the credential that it is minted with. */
export const minterOf = ({ id, tokenId }: Actor): Minter => {
  if (tokenId !== undefined) return { acc: id, tok: tokenId };
  return id === OPERATOR ? {} : { key: id };
};

const admit = async (
  deps: Deps,
  credential: AppCredential,
  wanted: Wanted & { purpose: Purpose },
): Promise<Result<AuthorizedRequest, Failure>> => {
  const { appId, userId, purpose } = wanted;
  const caller = await callerOf(deps, credential, wanted);
  if (!caller.ok) return caller;
  const { by, isDisabled, connection, limits } = caller.value;
  if (!mayServe(isDisabled, purpose)) return fail({ kind: 'app_disabled' });
  return ok({ appId, userId, by, connection, limits });
};

type Caller = {
  by: Actor;
  isDisabled: boolean;
  connection: CurrentConnection | undefined;
  limits: readonly TakenLimit[];
};

/** Checks that the credential is valid for this app and user, and within its rate limits. */
const callerOf = async (deps: Deps, credential: AppCredential, wanted: Wanted): Promise<Result<Caller, Failure>> => {
  const presented = credential.presented?.reveal();
  if (isManagerCredential(presented)) {
    const managed = await admitAppManagerForUser(deps, credential, wanted);
    if (!managed.ok) return managed;
    const { app, by, connection } = managed.value;
    return withinRateLimit(deps, credential, wanted, { by, isDisabled: app.disabledAt !== undefined, connection });
  }
  const isToken = wanted.userTokens && presented?.startsWith(JWT_START) === true;
  const { surface } = credential;
  if (isToken) {
    const found = await lookUpUserToken(deps, presented, wanted);
    if (!found.ok) return found;
    const { appDisabled: isDisabled, connection } = found.value;
    const caller = { by: { id: USER, tokenId: undefined, surface }, isDisabled, connection };
    return withinRateLimit(deps, credential, wanted, caller, 'user');
  }
  const found = await lookUpKey(deps, credential, wanted);
  if (!found.ok) return found;
  const { key, appDisabled: isDisabled, connection } = found.value;
  const caller = { by: { id: key.id, tokenId: undefined, surface }, isDisabled, connection };
  return withinRateLimit(deps, credential, wanted, caller);
};

/** Every signed token starts like this: base64url of `{"`. */
const JWT_START = 'eyJ';

const invalidKey = fail({ kind: 'credential_invalid', wanted: 'api_key' } as const);

const lookUpKey = async (
  deps: Deps,
  credential: AppCredential,
  { appId, userId, scope }: Wanted,
): Promise<Result<KeyLookup, Failure>> => {
  const presented = credential.presented?.reveal();
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'api_key' });
  if (presented.startsWith(JWT_START)) return explainNotAKey(deps, presented);
  if (!(await isWellFormedCredential('key', presented))) return invalidKey;
  const hash = await hashCredential(presented);
  const allowed = deps.credentials.mayLookUp(credential.address, hash, deps.now());
  if (!allowed.ok) return allowed;
  const found = await callerByKey(deps.db, hash, userId, deps.now());
  if (!found.ok) return found;
  const caller = found.value;
  const isGood = caller?.key.revoked === false;
  deps.credentials.note(credential.address, hash, isGood, deps.now());
  if (caller === undefined || !isGood) return invalidKey;
  if (caller.appId !== appId) return fail({ kind: 'app_not_found' });
  if (credential.fromBrowser && caller.refusesBrowserKeys) return fail({ kind: 'browser_key_refused' });
  if (!caller.key.scopes.includes(scope)) return fail({ kind: 'scope_missing', scope });
  if (caller.key.useIsStale) deps.waitUntil(recordApiKeyUse(deps.db, hash, deps.now()));
  return ok(caller);
};

/** How long a caller that sends too many requests waits. Cloudflare counts by the minute. */
const PACE_SECONDS = 60;

/**
 * Admits a caller unless the app, or its user with a user token, sends too many requests. Runs after the credential is
 * validated, so that no other caller can use up the limit.
 */
const withinRateLimit = async (
  deps: Deps,
  { address }: AppCredential,
  { appId, userId }: Wanted,
  caller: Omit<Caller, 'limits'>,
  by: 'app' | 'user' = 'app',
): Promise<Result<Caller, Failure>> => {
  if (address === undefined) return ok({ ...caller, limits: [] });
  const app = { name: 'app', key: appId } as const;
  const limits = by === 'app' ? [app] : [{ name: 'user', key: `${appId} ${userId}` } as const, app];
  for (const { name, key } of limits) if (!(await deps.mayPass(name, key))) return tooOften;
  return ok({ ...caller, limits });
};

const tooOften = fail({ kind: 'rate_limited', retryAfterSeconds: PACE_SECONDS } as const);

/**
 * If a key is expected, a valid user token gets an error of its own: the caller has the wrong route, not a bad token.
 */
const explainNotAKey = async (deps: Deps, presented: string): Promise<Result<KeyLookup, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  return token.ok ? fail({ kind: 'user_token_not_taken' }) : invalidKey;
};

/** A user token is valid while the credential that minted it is, and until its user is erased. */
const lookUpUserToken = async (
  deps: Deps,
  presented: string,
  { appId, userId }: Wanted,
): Promise<Result<UserTokenLookup, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  // Another user's token learns nothing here, not even whether this user exists.
  if (!token.ok || token.value.app !== appId || token.value.sub !== userId) return invalidKey;
  const userHash = await hashUser(deps.keyring, appId, userId);
  const found = await callerByUserToken(deps.db, { appId, userId, userHash }, token.value, deps.now());
  if (!found.ok) return found;
  if (found.value === undefined) return fail({ kind: 'app_not_found' });
  const { isMinterGone, epoch } = found.value;
  const isFromBefore = epoch !== undefined && token.value.epoch !== epoch;
  return isMinterGone || isFromBefore ? invalidKey : ok(found.value);
};

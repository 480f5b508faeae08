import { hashCredential, isWellFormedCredential } from '../../crypto/credential.ts';
import { USER_TOKEN } from '../../crypto/link-tokens.ts';
import { verify } from '../../crypto/signed-token.ts';
import { hashUser } from '../../crypto/user-hash.ts';
import { type KeyScope, mayServe, type Purpose } from '../../domain/app.ts';
import { type Actor, type Minter, OPERATOR, type Surface, USER } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { NO_USER, type UserId } from '../../domain/user-id.ts';
import { noteApiKeyUse } from '../../store/access/api-keys.ts';
import { type KeyLookup, callerByKey, callerByUser, type CurrentConnection } from '../../store/access/key-lookup.ts';
import { callerByUserToken, type UserTokenLookup } from '../../store/access/minted.ts';
import type { Deps, RateLimitName } from '../deps.ts';
import { admitAppManagerForUser, isManagerCredential, type ManagedApp } from './admit-manager.ts';

/** What a request shows: an app's key, a user token, or an access token. */
export type Credential = Secret | undefined;

/** A credential that speaks for an app, whether a page's script sent it (its request carries an `Origin`), and through what it came. */
export type AppCredential = {
  presented: Credential;
  fromBrowser: boolean;
  surface: Surface;
  /** Who is calling, coarsely; undefined on a developer's machine, where nothing is braked. */
  address: string | undefined;
};

/** What a person has a right to, from a caller that may request it: it needs no connection, and an app that is disabled does not stop it. */
export type PersonRequest = { appId: string; userId: UserId; by: Actor };

/** A request that may go on: for which app and user, who asks, and the user's current connection. */
export type AuthorizedRequest = PersonRequest & {
  connection: CurrentConnection | undefined;
  /** The rate limits that it took from. */
  limits: readonly TakenLimit[];
};

/** A rate limit and whom it counts. */
type TakenLimit = { name: RateLimitName; key: string };

/** So many rows that a request reads count as one request more. */
const ROWS_PER_REQUEST = 1_000;

/**
 * Takes from the rate limits of a request what it has read: D1 bills rows, and a summary may read 20,000 where a status reads four. The
 * request itself is answered; those that follow wait.
 */
export const chargeRead = async (deps: Deps, { limits }: AuthorizedRequest, rows: number): Promise<void> => {
  const requests = Array.from({ length: Math.floor(rows / ROWS_PER_REQUEST) });
  await Promise.all(requests.flatMap(() => limits.map(({ name, key }) => deps.mayPass(name, key))));
};

/** A request about an app as a whole that may go on: for which app, and who asks. */
export type AuthorizedBackend = { appId: string; by: Actor };

/** Which user, by which credentials. */
type Wanted = { appId: string; userId: UserId; scope: KeyScope; userTokens: boolean };

/**
 * Admits a request about one user of one app: by the app's key, by the access token of a manager of the app, or, if `userTokens`
 * are taken, by that very user's token. One round trip, which also reads the connection that the request is about; a malformed key costs
 * none.
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

/** Admits an app's backend by the app's key, or a manager of the app, for what no user token may do. */
export const admitBackend = async (
  deps: Deps,
  credential: AppCredential,
  wanted: { appId: string; scope: KeyScope },
): Promise<Result<AuthorizedBackend, Failure>> => {
  const admitted = await admit(deps, credential, { ...wanted, userId: NO_USER, userTokens: false, purpose: 'flow' });
  if (!admitted.ok) return admitted;
  const { appId, by } = admitted.value;
  return ok({ appId, by });
};

/** As `admitBackend`, for a manager of the app who was admitted before. */
export const backendOf = ({ app, by }: ManagedApp): Result<AuthorizedBackend, Failure> =>
  mayServe(app.disabledAt !== undefined, 'flow') ? ok({ appId: app.id, by }) : fail({ kind: 'app_disabled' });

/** As `admitForUser`, for a manager of the app who was admitted before. One round trip. */
export const userOfApp = async (
  deps: Deps,
  managed: ManagedApp,
  userId: UserId,
): Promise<Result<AuthorizedRequest, Failure>> => {
  const backend = backendOf(managed);
  if (!backend.ok) return backend;
  const found = await callerByUser(deps.db, managed.app.id, userId);
  if (!found.ok) return found;
  return found.value === undefined
    ? fail({ kind: 'app_not_found' })
    : ok({ ...backend.value, userId, connection: found.value.connection, limits: [] });
};

/** What names, in a signed token, the credential that it is minted with. */
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

/** Who asks, by a credential that is good for this app and user, and within its rate limits. */
type Caller = {
  by: Actor;
  isDisabled: boolean;
  connection: CurrentConnection | undefined;
  limits: readonly TakenLimit[];
};

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

/** Every signed token begins so: base64url of `{"`. */
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
  if (caller.key.useIsStale) deps.waitUntil(noteApiKeyUse(deps.db, hash, deps.now()));
  return ok(caller);
};

/** How long a caller that sends too many requests waits: Cloudflare counts by the minute. */
const PACE_SECONDS = 60;

/**
 * Lets a caller go on unless the app asks too often, or, with their own token, its user. After the credential was validated, so that no one else
 * can use up what they may ask.
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

/** Where a key is wanted, a good user token is told apart from garbage: its bearer mistook the route, not the token. */
const explainNotAKey = async (deps: Deps, presented: string): Promise<Result<KeyLookup, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  return token.ok ? fail({ kind: 'user_token_not_taken' }) : invalidKey;
};

/** A user token is good while what it was minted with is, and until its user is erased. */
const lookUpUserToken = async (
  deps: Deps,
  presented: string,
  { appId, userId }: Wanted,
): Promise<Result<UserTokenLookup, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  // Another user's token says nothing here, not even that this user exists.
  if (!token.ok || token.value.app !== appId || token.value.sub !== userId) return invalidKey;
  const userHash = await hashUser(deps.keyring, appId, userId);
  const found = await callerByUserToken(deps.db, { appId, userId, userHash }, token.value, deps.now());
  if (!found.ok) return found;
  if (found.value === undefined) return fail({ kind: 'app_not_found' });
  const { isMinterGone, epoch } = found.value;
  const isFromBefore = epoch !== undefined && token.value.epoch !== epoch;
  return isMinterGone || isFromBefore ? invalidKey : ok(found.value);
};

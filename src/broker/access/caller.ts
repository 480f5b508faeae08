import { hashCredential, isWellFormedCredential } from '../../crypto/credential.ts';
import { USER_TOKEN } from '../../crypto/link-tokens.ts';
import { verify } from '../../crypto/signed-token.ts';
import { hashUser } from '../../crypto/user-hash.ts';
import type { AppId } from '../../domain/app-id.ts';
import { type KeyScope, mayServe, type Purpose } from '../../domain/app.ts';
import { type Actor, OPERATOR, type Surface, USER } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import type { UserId } from '../../domain/user-id.ts';
import { recordApiKeyUse } from '../../store/access/api-keys.ts';
import { callerByKey, type CurrentConnection, type Refusal } from '../../store/access/key-lookup.ts';
import { callerByUserToken } from '../../store/access/user-tokens.ts';
import type { HeldVersion, Reader } from '../../store/metrics/read.ts';
import type { Deps, RateLimitName } from '../deps.ts';
import { isManagerCredential, managerForUser, presentedToken } from './admit-manager.ts';

/** Who sends a request: whether its credential is valid for this app and user, and within its rate limits. */

/** What an entrance has read together with the admission. */
export type { HeldVersion, Reader };

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

/** The user, and which credentials are accepted. */
export type Wanted = { appId: AppId; userId: UserId; scope: KeyScope; userTokens: boolean };

/** A rate limit and the key that it counts by. */
export type TakenLimit = { name: RateLimitName; key: string };

type Asking = Wanted & { purpose: Purpose };

/** A caller whose credential is valid, and what was read of the user's body data for them. */
type Caller<Data> = {
  by: Actor;
  /** Whether the app is disabled, and this is not served then. */
  isAppRefused: boolean;
  connection: CurrentConnection | undefined;
  limits: readonly TakenLimit[];
  data: Data | undefined;
};

/** Checks that the credential is valid for this app and user, and within its rate limits. */
export const callerOf = async <Data>(
  deps: Deps,
  credential: AppCredential,
  wanted: Asking,
  reader: Reader<Data> | undefined,
): Promise<Result<Caller<Data>, Failure>> => {
  const presented = credential.presented?.reveal();
  if (isManagerCredential(presented)) return managerOf(deps, credential, wanted, reader);
  const isToken = wanted.userTokens && presented?.startsWith(JWT_START) === true;
  return isToken
    ? userOf(deps, credential, presented, wanted, reader)
    : keyHolderOf(deps, credential, presented, wanted, reader);
};

const managerOf = async <Data>(
  deps: Deps,
  credential: AppCredential,
  wanted: Asking,
  reader: Reader<Data> | undefined,
): Promise<Result<Caller<Data>, Failure>> => {
  const { appId, userId, purpose } = wanted;
  const token = await presentedToken(deps, credential);
  if (!token.ok) return token;
  const holder = holderOf(appId, token.value.hash);
  const early = await earlyLimits(deps, credential, wanted, 'app', holder);
  if (early?.ok === false) return early;
  const asked = { appId, userId, servesDisabled: mayServe(true, purpose) };
  const manager = await managerForUser(deps, credential, token.value, asked, reader);
  const isManager = manager.ok && manager.value.refusal !== 'app_not_found';
  deps.credentials.note(undefined, holder, isManager, deps.now());
  if (!manager.ok) return manager;
  const failure = failureOf(manager.value.refusal, wanted);
  if (failure !== undefined) return failure;
  const limits = early ?? (await takeLimits(deps, credential, wanted, 'app'));
  if (!limits.ok) return limits;
  const { by, refusal, connection, data } = manager.value;
  return ok({ by, isAppRefused: refusal === 'app_disabled', connection, limits: limits.value, data });
};

/** Every signed token starts like this: base64url of `{"`. */
const JWT_START = 'eyJ';

const invalidKey = fail({ kind: 'credential_invalid', wanted: 'api_key' } as const);

/** A disabled app is refused after the rate limit, in `admit`. */
const failureOf = (refusal: Refusal | undefined, { scope }: Wanted) => {
  if (refusal === undefined || refusal === 'app_disabled') return undefined;
  if (refusal === 'credential_invalid') return invalidKey;
  return fail(refusal === 'scope_missing' ? { kind: refusal, scope } : { kind: refusal });
};

const keyHolderOf = async <Data>(
  deps: Deps,
  credential: AppCredential,
  presented: string | undefined,
  wanted: Asking,
  reader: Reader<Data> | undefined,
): Promise<Result<Caller<Data>, Failure>> => {
  const { address, fromBrowser, surface } = credential;
  const { appId, userId, scope } = wanted;
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'api_key' });
  if (presented.startsWith(JWT_START)) return explainNotAKey(deps, presented);
  if (!(await isWellFormedCredential('key', presented))) return invalidKey;
  const keyHash = await hashCredential(presented);
  const allowed = deps.credentials.mayLookUp(address, keyHash, deps.now());
  if (!allowed.ok) return allowed;
  const holder = holderOf(appId, keyHash);
  const early = await earlyLimits(deps, credential, wanted, 'app', holder);
  if (early?.ok === false) return early;
  const servesDisabled = mayServe(true, wanted.purpose);
  const asked = { appId, userId, scope, keyHash, fromBrowser, servesDisabled };
  const found = await callerByKey(deps.db, asked, deps.now(), reader);
  if (!found.ok) return found;
  const { caller, data } = found.value;
  const isGood = caller !== undefined && caller.refusal !== 'credential_invalid';
  deps.credentials.note(address, keyHash, isGood, deps.now());
  deps.credentials.note(undefined, holder, isGood && caller.refusal !== 'app_not_found', deps.now());
  if (!isGood) return invalidKey;
  const failure = failureOf(caller.refusal, wanted);
  if (failure !== undefined) return failure;
  const limits = early ?? (await takeLimits(deps, credential, wanted, 'app'));
  if (!limits.ok) return limits;
  if (caller.useIsStale) deps.waitUntil(recordApiKeyUse(deps.db, keyHash, deps.now()));
  const by = { id: caller.keyId, tokenId: undefined, surface };
  const isAppRefused = caller.refusal === 'app_disabled';
  return ok({ by, isAppRefused, connection: caller.connection, limits: limits.value, data });
};

/** How long a caller that sends too many requests waits. Cloudflare counts by the minute. */
const PACE_SECONDS = 60;

/** What admits callers to an app, as this isolate remembers it: a key, or what minted a user token. */
const holderOf = (appId: AppId, credential: string) => `${appId} ${credential}`;

/**
 * The rate limits of a caller whose holder was valid for this app, in this isolate, within the hour: beyond them it
 * reads nothing. Others are looked up first, so that no key of another app, and no revoked one, uses up the limit.
 */
const earlyLimits = async (
  deps: Deps,
  credential: AppCredential,
  wanted: Wanted,
  by: 'app' | 'user',
  holder: string,
): Promise<ReturnType<typeof takeLimits> | undefined> =>
  deps.credentials.isGood(holder, deps.now()) ? takeLimits(deps, credential, wanted, by) : undefined;

/** The rate limits of an app, or of its user with a user token; a failure if it sends too many requests. */
const takeLimits = async (
  deps: Deps,
  { address }: AppCredential,
  { appId, userId }: Wanted,
  by: 'app' | 'user',
): Promise<Result<readonly TakenLimit[], Failure>> => {
  if (address === undefined) return ok([]);
  const app = { name: 'app', key: appId } as const;
  const limits = by === 'app' ? [app] : [{ name: 'user', key: `${appId} ${userId}` } as const, app];
  for (const { name, key } of limits) if (!(await deps.mayPass(name, key))) return tooOften;
  return ok(limits);
};

const tooOften = fail({ kind: 'rate_limited', retryAfterSeconds: PACE_SECONDS } as const);

/**
 * If a key is expected, a valid user token gets an error of its own: the caller has the wrong route, not a bad token.
 */
const explainNotAKey = async (deps: Deps, presented: string) => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  return token.ok ? fail({ kind: 'user_token_not_taken' } as const) : invalidKey;
};

/** A user token is valid while the credential that minted it is, and until its user is erased. */
const userOf = async <Data>(
  deps: Deps,
  credential: AppCredential,
  presented: string,
  wanted: Asking,
  reader: Reader<Data> | undefined,
): Promise<Result<Caller<Data>, Failure>> => {
  const { appId, userId } = wanted;
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  // Another user's token learns nothing here, not even whether this user exists.
  if (!token.ok || token.value.app !== appId || token.value.sub !== userId) return invalidKey;
  const { tok, acc, key } = token.value;
  const holder = holderOf(appId, tok ?? acc ?? key ?? OPERATOR);
  const early = await earlyLimits(deps, credential, wanted, 'user', holder);
  if (early?.ok === false) return early;
  const userHash = await hashUser(deps.keyring, appId, userId);
  const servesDisabled = mayServe(true, wanted.purpose);
  const asked = { appId, userId, userHash, epoch: token.value.epoch, servesDisabled };
  const found = await callerByUserToken(deps.db, asked, token.value, deps.now(), reader);
  if (!found.ok) return found;
  const { caller, data } = found.value;
  if (caller === undefined) return fail({ kind: 'app_not_found' });
  const failure = failureOf(caller.refusal, wanted);
  deps.credentials.note(undefined, holder, failure === undefined, deps.now());
  if (failure !== undefined) return failure;
  const limits = early ?? (await takeLimits(deps, credential, wanted, 'user'));
  if (!limits.ok) return limits;
  const by = { id: USER, tokenId: undefined, surface: credential.surface };
  const isAppRefused = caller.refusal === 'app_disabled';
  return ok({ by, isAppRefused, connection: caller.connection, limits: limits.value, data });
};

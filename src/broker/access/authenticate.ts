import { hashCredential, isWellFormedCredential } from '../../crypto/credential.ts';
import { USER_TOKEN } from '../../crypto/link-tokens.ts';
import { verify } from '../../crypto/signed-token.ts';
import type { KeyScope } from '../../domain/app.ts';
import { type Actor, type Surface, USER } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { NO_USER, type UserId } from '../../domain/user-id.ts';
import { noteApiKeyUse } from '../../store/access/api-keys.ts';
import { type KeyLookup, callerByKey, callerByUser, type CurrentConnection } from '../../store/access/key-lookup.ts';
import type { Deps } from '../deps.ts';
import { admitAppManager, admitAppManagerForUser, isManagerCredential, type ManagedApp } from './admit-manager.ts';

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

/** A request that may go on: for which app and user, who asks, and the user's current connection. */
export type AuthorizedRequest = { appId: string; userId: UserId; by: Actor; connection: CurrentConnection | undefined };

/** A request about an app as a whole that may go on: for which app, and who asks. */
export type AuthorizedBackend = { appId: string; by: Actor };

/**
 * Admits a request about one user of one app: by the app's key, by the access token of whoever may manage the app, or, where `userTokens`
 * are taken, by that very user's token. One round trip, which also reads the connection that the request is about; a malformed key costs
 * none.
 *
 * A key of another app gets the same answer as an app that does not exist.
 */
export const admitForUser = async (
  deps: Deps,
  credential: AppCredential,
  wanted: { appId: string; userId: UserId; scope: KeyScope; userTokens: boolean },
): Promise<Result<AuthorizedRequest, Failure>> => {
  const { appId, userId } = wanted;
  const presented = credential.presented?.reveal();
  if (isManagerCredential(presented)) {
    const managed = await requireEnabled(admitAppManagerForUser(deps, credential, { appId, userId }));
    if (!managed.ok) return managed;
    return ok({ appId, userId, by: managed.value.by, connection: managed.value.connection });
  }
  const caller =
    wanted.userTokens && presented?.startsWith(JWT_START) === true
      ? await callerOfUserToken(deps, credential, presented, wanted)
      : await callerOfKey(deps, credential, wanted);
  if (!caller.ok) return caller;
  return ok({ appId, userId, by: actorOf(caller.value, credential), connection: caller.value.connection });
};

/** Admits an app's backend by the app's key, or whoever may manage the app, for what no user token may do. */
export const admitBackend = async (
  deps: Deps,
  credential: AppCredential,
  { appId, scope }: { appId: string; scope: KeyScope },
): Promise<Result<AuthorizedBackend, Failure>> => {
  if (isManagerCredential(credential.presented?.reveal())) {
    const managed = await requireEnabled(admitAppManager(deps, credential, appId));
    return managed.ok ? ok({ appId, by: managed.value.by }) : managed;
  }
  const caller = await callerOfKey(deps, credential, { appId, userId: NO_USER, scope });
  if (!caller.ok) return caller;
  return ok({ appId, by: actorOf(caller.value, credential) });
};

/** A key acts in its own name, a user token in its person's. */
const actorOf = ({ key }: KeyLookup, { surface }: AppCredential): Actor => ({
  id: key?.id ?? USER,
  tokenId: undefined,
  surface,
});

/** Nothing flows for a disabled app, whoever asks. */
const requireEnabled = async <Managed extends ManagedApp>(
  admitting: Promise<Result<Managed, Failure>>,
): Promise<Result<Managed, Failure>> => {
  const admitted = await admitting;
  return admitted.ok && admitted.value.app.disabledAt !== undefined ? fail({ kind: 'app_disabled' }) : admitted;
};

/** Every signed token begins so: base64url of `{"`. */
const JWT_START = 'eyJ';

const invalidKey = fail({ kind: 'credential_invalid', wanted: 'api_key' } as const);

const callerOfKey = async (
  deps: Deps,
  credential: AppCredential,
  { appId, userId, scope }: { appId: string; userId: string; scope: KeyScope },
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
  const isGood = caller?.key?.revoked === false;
  deps.credentials.note(credential.address, hash, isGood, deps.now());
  if (caller?.key === undefined || !isGood) return invalidKey;
  if (caller.appId !== appId) return fail({ kind: 'app_not_found' });
  if (caller.appDisabled) return fail({ kind: 'app_disabled' });
  if (credential.fromBrowser && caller.refusesBrowserKeys) return fail({ kind: 'browser_key_refused' });
  if (!caller.key.scopes.includes(scope)) return fail({ kind: 'scope_missing', scope });
  if (caller.key.useIsStale) deps.waitUntil(noteApiKeyUse(deps.db, hash, deps.now()));
  return withinRateLimit(deps, credential, caller);
};

/** How long an app that asks too often waits: the brake counts by the minute. */
const PACE_SECONDS = 60;

/** Lets an app go on unless it asks too often. After the credential was judged, so that nobody else can use up its pace. */
const withinRateLimit = async (
  deps: Deps,
  { address }: AppCredential,
  caller: KeyLookup,
): Promise<Result<KeyLookup, Failure>> => {
  if (address === undefined || (await deps.mayPass('app', caller.appId))) return ok(caller);
  return fail({ kind: 'rate_limited', retryAfterSeconds: PACE_SECONDS });
};

/** Where a key is wanted, a good user token is told apart from garbage: its bearer mistook the route, not the token. */
const explainNotAKey = async (deps: Deps, presented: string): Promise<Result<KeyLookup, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  return token.ok ? fail({ kind: 'user_token_not_taken' }) : invalidKey;
};

const callerOfUserToken = async (
  deps: Deps,
  credential: AppCredential,
  presented: string,
  { appId, userId }: { appId: string; userId: string },
): Promise<Result<KeyLookup, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  // Another user's token says nothing here, not even that this user exists.
  if (!token.ok || token.value.app !== appId || token.value.sub !== userId) return invalidKey;
  const found = await callerByUser(deps.db, appId, userId);
  if (!found.ok) return found;
  if (found.value === undefined) return fail({ kind: 'app_not_found' });
  return found.value.appDisabled ? fail({ kind: 'app_disabled' }) : withinRateLimit(deps, credential, found.value);
};

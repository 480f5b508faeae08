import { constantTimeEqual, hashCredential, isWellFormedCredential } from '../crypto/credential.ts';
import { USER_TOKEN } from '../crypto/link-tokens.ts';
import { verify } from '../crypto/signed-token.ts';
import type { KeyScope } from '../domain/app.ts';
import type { Failure } from '../domain/failure.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { noteApiKeyUse } from '../store/api-keys.ts';
import { type Caller, callerByKey, callerByUser, type CurrentConnection } from '../store/callers.ts';
import type { Deps } from './deps.ts';

/** What a request shows: an app's key, or a user token, or the operator's token. */
export type Presented = string | undefined;

/** A credential of an app, and whether a page's script sent it (its request carries an `Origin`). */
export type AppCredential = { presented: Presented; fromBrowser: boolean };

/** A request that may go on: for which app and user, and the user's current connection. */
export type Admitted = { appId: string; userId: string; connection: CurrentConnection | undefined };

/**
 * Admits a request about one user of one app, by the app's key or, where `userTokens` are taken, by that very user's token. One round
 * trip, which also reads the connection that the request is about; a malformed key costs none.
 *
 * A key of another app gets the same answer as an app that does not exist.
 */
export const admitForUser = async (
  deps: Deps,
  credential: AppCredential,
  wanted: { appId: string; userId: string; scope: KeyScope; userTokens: boolean },
): Promise<Result<Admitted, Failure>> => {
  const { appId, userId } = wanted;
  const { presented } = credential;
  const caller =
    wanted.userTokens && presented?.startsWith(JWT_START) === true
      ? await callerOfUserToken(deps, presented, appId, userId)
      : await callerOfKey(deps, credential, wanted);
  return caller.ok ? ok({ appId, userId, connection: caller.value.connection }) : caller;
};

/** Admits an app's backend by the app's key, for what no user token may do. */
export const admitBackend = async (
  deps: Deps,
  credential: AppCredential,
  { appId, scope }: { appId: string; scope: KeyScope },
): Promise<Result<{ appId: string; keyId: string }, Failure>> => {
  const caller = await callerOfKey(deps, credential, { appId, userId: NO_USER, scope });
  return caller.ok ? ok({ appId, keyId: caller.value.key?.id ?? '' }) : caller;
};

/** Admits the operator. */
export const admitOperator = async (deps: Deps, presented: Presented): Promise<Result<void, Failure>> => {
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'access_token' });
  const isOperator = await constantTimeEqual(await hashCredential(presented), deps.settings.operatorTokenHash);
  return isOperator ? ok(undefined) : fail({ kind: 'credential_invalid', wanted: 'access_token' });
};

/** Every signed token begins so: base64url of `{"`. */
const JWT_START = 'eyJ';
/** No user has the empty id. */
const NO_USER = '';

const invalidKey = fail({ kind: 'credential_invalid', wanted: 'api_key' } as const);

const callerOfKey = async (
  deps: Deps,
  { presented, fromBrowser }: AppCredential,
  { appId, userId, scope }: { appId: string; userId: string; scope: KeyScope },
): Promise<Result<Caller, Failure>> => {
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'api_key' });
  if (presented.startsWith(JWT_START)) return whyNoKey(deps, presented);
  if (!(await isWellFormedCredential('key', presented))) return invalidKey;
  const hash = await hashCredential(presented);
  const found = await callerByKey(deps.db, hash, userId, deps.now());
  if (!found.ok) return found;
  const caller = found.value;
  if (caller?.key === undefined || caller.key.revoked) return invalidKey;
  if (caller.appId !== appId) return fail({ kind: 'app_not_found' });
  if (caller.appDisabled) return fail({ kind: 'app_disabled' });
  if (fromBrowser && caller.refusesBrowserKeys) return fail({ kind: 'browser_key_refused' });
  if (!caller.key.scopes.includes(scope)) return fail({ kind: 'scope_missing', scope });
  if (caller.key.useIsStale) deps.waitUntil(noteApiKeyUse(deps.db, hash, deps.now()));
  return ok(caller);
};

/** Where a key is wanted, a good user token is told apart from garbage: its bearer mistook the route, not the token. */
const whyNoKey = async (deps: Deps, presented: string): Promise<Result<Caller, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  return token.ok ? fail({ kind: 'user_token_not_taken' }) : invalidKey;
};

const callerOfUserToken = async (
  deps: Deps,
  presented: string,
  appId: string,
  userId: string,
): Promise<Result<Caller, Failure>> => {
  const token = await verify(deps.keyring, USER_TOKEN, presented, deps.now());
  // Another user's token says nothing here, not even that this user exists.
  if (!token.ok || token.value.app !== appId || token.value.sub !== userId) return invalidKey;
  const found = await callerByUser(deps.db, appId, userId);
  if (!found.ok) return found;
  if (found.value === undefined) return fail({ kind: 'app_not_found' });
  return found.value.appDisabled ? fail({ kind: 'app_disabled' }) : ok(found.value);
};

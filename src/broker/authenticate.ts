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

/** A request that may go on: for which app and user, and the user's current connection. */
export type Admitted = { appId: string; userId: string; connection: CurrentConnection | undefined };

/**
 * Admits a request about one user of one app, by the app's key or by that very user's token. One round trip, which also reads the
 * connection that the request is about; a malformed key costs none.
 *
 * A key of another app gets the same answer as an app that does not exist.
 */
export const admitForUser = async (
  deps: Deps,
  presented: Presented,
  { appId, userId, scope }: { appId: string; userId: string; scope: KeyScope },
): Promise<Result<Admitted, Failure>> => {
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'api_key' });
  const caller = presented.startsWith(JWT_START)
    ? await callerOfUserToken(deps, presented, appId, userId)
    : await callerOfKey(deps, presented, userId, scope);
  if (!caller.ok) return caller;
  if (caller.value.appId !== appId) return fail({ kind: 'app_not_found' });
  if (caller.value.appDisabled) return fail({ kind: 'app_disabled' });
  return ok({ appId, userId, connection: caller.value.connection });
};

/** Admits an app's backend by the app's key, for what no user token may do. */
export const admitBackend = async (
  deps: Deps,
  presented: Presented,
  { appId, scope }: { appId: string; scope: KeyScope },
): Promise<Result<{ appId: string }, Failure>> => {
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'api_key' });
  const caller = await callerOfKey(deps, presented, NO_USER, scope);
  if (!caller.ok) return caller;
  if (caller.value.appId !== appId) return fail({ kind: 'app_not_found' });
  if (caller.value.appDisabled) return fail({ kind: 'app_disabled' });
  return ok({ appId });
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
  presented: string,
  userId: string,
  scope: KeyScope,
): Promise<Result<Caller, Failure>> => {
  if (!(await isWellFormedCredential('key', presented))) return invalidKey;
  const hash = await hashCredential(presented);
  const found = await callerByKey(deps.db, hash, userId, deps.now());
  if (!found.ok) return found;
  const caller = found.value;
  if (caller?.key === undefined || caller.key.revoked) return invalidKey;
  if (!caller.key.scopes.includes(scope)) return fail({ kind: 'scope_missing', scope });
  if (caller.key.useIsStale) deps.waitUntil(noteApiKeyUse(deps.db, hash, deps.now()));
  return ok(caller);
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
  return found.value === undefined ? fail({ kind: 'app_not_found' }) : ok(found.value);
};

import type { AppId } from '../../domain/app-id.ts';
import { type KeyScope, mayServe } from '../../domain/app.ts';
import type { Actor } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { NO_USER, type UserId } from '../../domain/user-id.ts';
import { callerByUser } from '../../store/access/key-lookup.ts';
import type { Deps } from '../deps.ts';
import { admitAppManager, isManagerCredential, type ManagedApp } from './admit-manager.ts';
import { admitForUser, type AuthorizedRequest } from './authenticate.ts';
import type { AppCredential } from './caller.ts';

/** An admitted request about an app as a whole. */
export type AuthorizedBackend = { appId: AppId; by: Actor };

/** Admits an app's backend by the app's key, or a manager of the app, for what no user token may do. */
export const admitBackend = async (
  deps: Deps,
  credential: AppCredential,
  wanted: { appId: AppId; scope: KeyScope },
): Promise<Result<AuthorizedBackend, Failure>> => {
  const admitted = await admitForUser(deps, credential, { ...wanted, userId: NO_USER, userTokens: false });
  if (!admitted.ok) return admitted;
  const { appId, by } = admitted.value;
  return ok({ appId, by });
};

/**
 * Admits an app's backend by a key with scope `read`, or a manager of the app. A disabled app refuses its keys, but not
 * its manager, who looks after its users.
 */
export const admitReader = async (
  deps: Deps,
  credential: AppCredential,
  appId: AppId,
): Promise<Result<AuthorizedBackend, Failure>> => {
  if (!isManagerCredential(credential.presented?.reveal())) {
    return admitBackend(deps, credential, { appId, scope: 'read' });
  }
  const managed = await admitAppManager(deps, credential, appId);
  return managed.ok ? ok({ appId, by: managed.value.by }) : managed;
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
  const found = await callerByUser(deps.db, { appId: managed.app.id, userId, servesDisabled: false });
  if (!found.ok) return found;
  const { caller } = found.value;
  if (caller === undefined) return fail({ kind: 'app_not_found' });
  if (caller.refusal !== undefined) return fail({ kind: 'app_disabled' });
  return ok({ ...backend.value, userId, connection: caller.connection, limits: [] });
};

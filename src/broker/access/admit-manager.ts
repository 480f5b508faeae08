import { constantTimeEqual, hashCredential, isWellFormedCredential } from '../../crypto/credential.ts';
import { actorOf, type Principal, mayManage } from '../../domain/account.ts';
import { NO_APP, type AppId } from '../../domain/app-id.ts';
import type { App } from '../../domain/app.ts';
import { type Actor, OPERATOR, type Surface } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import type { EpochMs } from '../../domain/time.ts';
import { NO_USER, type UserId } from '../../domain/user-id.ts';
import {
  type Subject,
  loadSubject,
  recordTokenUse,
  type TokenHolder,
  tokenHolder,
} from '../../store/access/token-holders.ts';
import type { Deps } from '../deps.ts';

/** The credential of a management request, and the interface that it came through. */
export type ManagerCredential = {
  presented: Secret | undefined;
  surface: Surface;
  /** The caller's address, shortened; undefined on a developer's machine, where there are no rate limits. */
  address: string | undefined;
};

/**
 * An app with its admitted manager. Use cases on an app take this instead of an id, and only the functions here create
 * it. So the owner of the app is always checked first.
 */
export type ManagedApp = { app: App; by: Actor };

/** Admits the operator or a developer. One round trip; none for the operator or a malformed token. */
export const admitManager = async (deps: Deps, credential: ManagerCredential): Promise<Result<Principal, Failure>> => {
  const held = await authenticateManager(deps, credential, { appId: NO_APP, userId: NO_USER });
  return held.ok ? ok(held.value.manager) : held;
};

/** Admits the operator, for what concerns all accounts. */
export const admitOperator = async (deps: Deps, credential: ManagerCredential): Promise<Result<Principal, Failure>> => {
  const admitted = await admitManager(deps, credential);
  if (!admitted.ok || admitted.value.account === undefined) return admitted;
  return fail({ kind: 'operator_only' });
};

/** Admits a manager of an app. For any other caller the app does not exist. One round trip. */
export const admitAppManager = async (
  deps: Deps,
  credential: ManagerCredential,
  appId: AppId,
): Promise<Result<ManagedApp, Failure>> => {
  const held = await authenticateManager(deps, credential, { appId, userId: NO_USER });
  return held.ok ? authorizeApp(held.value.manager, held.value.app) : held;
};

/** As `admitAppManager`, for a manager who was admitted before, such as a signed-in person. One round trip. */
export const manageApp = async (deps: Deps, manager: Principal, appId: AppId): Promise<Result<ManagedApp, Failure>> => {
  const about = await loadSubject(deps.db, { appId, userId: NO_USER });
  return about.ok ? authorizeApp(manager, about.value.app) : about;
};

/** Admits a manager of an app to one of its users, with the user's current connection. One round trip. */
export const admitAppManagerForUser = async (
  deps: Deps,
  credential: ManagerCredential,
  about: { appId: AppId; userId: UserId },
): Promise<Result<ManagedApp & Pick<Subject, 'connection'>, Failure>> => {
  const held = await authenticateManager(deps, credential, about);
  if (!held.ok) return held;
  const app = authorizeApp(held.value.manager, held.value.app);
  return app.ok ? ok({ ...app.value, connection: held.value.connection }) : app;
};

/** Whether a credential has the form of an access token, rather than of an app's key. */
export const isManagerCredential = (presented: string | undefined): boolean =>
  /^mushu_(access|operator)_/.test(presented ?? '');

const authorizeApp = (manager: Principal, app: App | undefined): Result<ManagedApp, Failure> =>
  app !== undefined && mayManage(manager, app) ? ok({ app, by: actorOf(manager) }) : fail({ kind: 'app_not_found' });

const invalid = fail({ kind: 'credential_invalid', wanted: 'access_token' } as const);

const isGoodNow = ({ token, account }: TokenHolder, now: EpochMs): boolean =>
  !token.revoked && !account.disabled && (token.expiresAt === undefined || now < token.expiresAt);

/**
 * Whether a manager is within the rate limit, which counts by account: several tokens of one account share it.
 *
 * @param accountId undefined for the operator
 */
export const withinManagerRate = async (
  deps: Deps,
  accountId: string | undefined,
  address: string | undefined,
): Promise<Result<void, Failure>> =>
  address === undefined || (await deps.mayPass('manager', accountId ?? OPERATOR))
    ? ok(undefined)
    : fail({ kind: 'rate_limited', retryAfterSeconds: 60 });

const authenticateManager = async (
  deps: Deps,
  credential: ManagerCredential,
  about: { appId: AppId; userId: UserId },
): Promise<Result<{ manager: Principal } & Subject, Failure>> => {
  const { surface, address } = credential;
  const presented = credential.presented?.reveal();
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'access_token' });
  const hash = await hashCredential(presented);
  if (await constantTimeEqual(hash, deps.settings.operatorTokenHash)) {
    const paced = await withinManagerRate(deps, undefined, address);
    if (!paced.ok) return paced;
    const manager: Principal = { account: undefined, token: undefined, surface };
    if (about.appId === NO_APP) return ok({ manager, app: undefined, connection: undefined });
    const found = await loadSubject(deps.db, about);
    return found.ok ? ok({ manager, ...found.value }) : found;
  }
  if (!(await isWellFormedCredential('access', presented))) return invalid;
  const allowed = deps.credentials.mayLookUp(address, hash, deps.now());
  if (!allowed.ok) return allowed;
  const found = await tokenHolder(deps.db, hash, about, deps.now());
  if (!found.ok) return found;
  const isGood = found.value !== undefined && isGoodNow(found.value, deps.now());
  deps.credentials.note(address, hash, isGood, deps.now());
  if (found.value === undefined || !isGood) return invalid;
  const { account, token, app, connection } = found.value;
  const paced = await withinManagerRate(deps, account.id, address);
  if (!paced.ok) return paced;
  if (token.useIsStale) deps.waitUntil(recordTokenUse(deps.db, hash, deps.now()));
  const { id, name, expiresAt } = token;
  return ok({
    manager: { account: { id: account.id, name: account.name }, token: { id, name, expiresAt }, surface },
    app,
    connection,
  });
};

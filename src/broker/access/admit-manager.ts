import { constantTimeEqual, hashCredential, isWellFormedCredential } from '../../crypto/credential.ts';
import { actorOf, type Principal, mayManage } from '../../domain/account.ts';
import { NO_APP, type AppId } from '../../domain/app-id.ts';
import type { App } from '../../domain/app.ts';
import { type Actor, OPERATOR, type Surface } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { type Asked, callerByUser, type KeyLookup } from '../../store/access/key-lookup.ts';
import { callerByToken, recordTokenUse, tokenHolder } from '../../store/access/token-holders.ts';
import { appById } from '../../store/apps/apps.ts';
import type { Reader } from '../../store/metrics/read.ts';
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
  const held = await authenticateManager(deps, credential, NO_APP);
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
  const held = await authenticateManager(deps, credential, appId);
  return held.ok ? authorizeApp(held.value.manager, held.value.app) : held;
};

/** As `admitAppManager`, for a manager who was admitted before, such as a signed-in person. One round trip. */
export const manageApp = async (deps: Deps, manager: Principal, appId: AppId): Promise<Result<ManagedApp, Failure>> => {
  const app = await appById(deps.db, appId);
  return app.ok ? authorizeApp(manager, app.value) : app;
};

/** Whether a credential has the form of an access token, rather than of an app's key. */
export const isManagerCredential = (presented: string | undefined): boolean =>
  /^mushu_(access|operator)_/.test(presented ?? '');

const authorizeApp = (manager: Principal, app: App | undefined): Result<ManagedApp, Failure> =>
  app !== undefined && mayManage(manager, app) ? ok({ app, by: actorOf(manager) }) : fail({ kind: 'app_not_found' });

const invalid = fail({ kind: 'credential_invalid', wanted: 'access_token' } as const);

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

/** A token that may be looked up: an account's, or the operator's, which needs none. */
type PresentedToken = {
  hash: string;
  isOperator: boolean;
  /** Whether the request was counted in the rate limit: a holder who is known is, before anything is read. */
  isPaced: boolean;
};

/** Checks what can be checked of a token without a look-up. */
export const presentedToken = async (
  deps: Deps,
  { presented, address }: Pick<ManagerCredential, 'presented' | 'address'>,
): Promise<Result<PresentedToken, Failure>> => {
  if (presented === undefined) return fail({ kind: 'credential_missing', wanted: 'access_token' });
  const hash = await hashCredential(presented.reveal());
  const isOperator = await constantTimeEqual(hash, deps.settings.operatorTokenHash);
  if (!isOperator) {
    if (!(await isWellFormedCredential('access', presented.reveal()))) return invalid;
    const allowed = deps.credentials.mayLookUp(address, hash, deps.now());
    if (!allowed.ok) return allowed;
  }
  const known = isOperator ? OPERATOR : deps.credentials.accountOf(hash, deps.now());
  const paced = known === undefined ? ok(undefined) : await withinManagerRate(deps, known, address);
  return paced.ok ? ok({ hash, isOperator, isPaced: known !== undefined }) : paced;
};

/** The holder of an account's token that was looked up: counted in the rate limit, and its use is recorded. */
const takeHolder = async <Holder extends { accountId: string; isOver: boolean; useIsStale: boolean }>(
  deps: Deps,
  address: string | undefined,
  { hash, isPaced }: PresentedToken,
  found: Holder | undefined,
): Promise<Result<Holder, Failure>> => {
  const holder = found?.isOver === true ? undefined : found;
  deps.credentials.note(address, hash, holder !== undefined, deps.now(), holder?.accountId);
  if (holder === undefined) return invalid;
  const paced = isPaced ? ok(undefined) : await withinManagerRate(deps, holder.accountId, address);
  if (!paced.ok) return paced;
  if (holder.useIsStale) deps.waitUntil(recordTokenUse(deps.db, hash, deps.now()));
  return ok(holder);
};

/** A manager who asks about a user of an app, whether the app refuses it, and what was read with the look-up. */
type ManagerForUser<Data> = Pick<KeyLookup, 'refusal' | 'connection'> & { by: Actor; data: Data | undefined };

/** Looks up who presents a token, for a user of an app. One round trip, which also reads what the reader reads. */
export const managerForUser = async <Data>(
  deps: Deps,
  { surface, address }: Pick<ManagerCredential, 'surface' | 'address'>,
  token: PresentedToken,
  asked: Asked,
  reader: Reader<Data> | undefined,
): Promise<Result<ManagerForUser<Data>, Failure>> => {
  if (token.isOperator) {
    const found = await callerByUser(deps.db, asked, reader);
    if (!found.ok) return found;
    const { caller, data } = found.value;
    if (caller === undefined) return fail({ kind: 'app_not_found' });
    return ok({ ...caller, by: { id: OPERATOR, tokenId: undefined, surface }, data });
  }
  const found = await callerByToken(deps.db, { ...asked, hash: token.hash, now: deps.now() }, reader);
  if (!found.ok) return found;
  const { caller, data } = found.value;
  const isOver = caller?.refusal === 'credential_invalid';
  const holder = await takeHolder(deps, address, token, caller && { ...caller, isOver });
  if (!holder.ok) return holder;
  const { accountId, tokenId, refusal, connection } = holder.value;
  return ok({ by: { id: accountId, tokenId, surface }, refusal, connection, data });
};

const authenticateManager = async (
  deps: Deps,
  credential: ManagerCredential,
  appId: AppId,
): Promise<Result<{ manager: Principal; app: App | undefined }, Failure>> => {
  const { surface, address } = credential;
  const presented = await presentedToken(deps, credential);
  if (!presented.ok) return presented;
  if (presented.value.isOperator) {
    const app = appId === NO_APP ? ok(undefined) : await appById(deps.db, appId);
    return app.ok ? ok({ manager: { account: undefined, token: undefined, surface }, app: app.value }) : app;
  }
  const found = await tokenHolder(deps.db, presented.value.hash, appId, deps.now());
  if (!found.ok) return found;
  const holder = await takeHolder(deps, address, presented.value, found.value);
  if (!holder.ok) return holder;
  const { accountId, accountName, token, app } = holder.value;
  return ok({ manager: { account: { id: accountId, name: accountName }, token, surface }, app });
};

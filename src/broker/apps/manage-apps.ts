import { hex, mintId, sha256 } from '../../crypto/credential.ts';
import { actorOf, type Principal } from '../../domain/account.ts';
import { asAppId } from '../../domain/app-id.ts';
import { type App, APP_SETTINGS, type AppSettings, type RedirectUri } from '../../domain/app.ts';
import type { AuditDetail } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { validateRedirectUri, MAX_REDIRECT_URIS_PER_APP } from '../../domain/redirect-uri/registration.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { accountById } from '../../store/apps/accounts.ts';
import { addApp, appsAfter, changeApp } from '../../store/apps/apps.ts';
import { addRedirectUri, redirectUrisOf, removeRedirectUri } from '../../store/apps/redirect-uris.ts';
import { pollAppStatement } from '../../store/sync/due-polls.ts';
import type { ManagedApp } from '../access/admit-manager.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';

/**
 * What managers do to apps and their redirect URIs. Who may do it is checked when a `ManagedApp` is
 * created. Each change has an audit entry in the same transaction.
 */

type NewApp = Pick<AppSettings, 'historyOnConnect'> & { name: string; accountId?: string | undefined };

/** Creates an app of a developer, of the operator, or, by the operator, of an account. */
export const createApp = async (
  deps: Deps,
  manager: Principal,
  { name, accountId, historyOnConnect = 'all' }: NewApp,
): Promise<Result<App, Failure>> => {
  const owner = await ownerOfNewApp(deps, manager, accountId);
  if (!owner.ok) return owner;
  const app: App = {
    id: asAppId(mintId('app', deps.random)),
    name,
    accountId: owner.value,
    linkPolicy: 'open',
    allowLoopback: false,
    refuseBrowserKeys: false,
    sharedAccounts: 'allow',
    historyOnConnect,
    demoAccount: false,
    disabledAt: undefined,
    createdAt: deps.now(),
  };
  const audit = auditStatementFor(deps, actorOf(manager), {
    action: 'app.created',
    appId: app.id,
    subject: app.id,
    detail: { name },
  });
  const added = await addApp(deps.db, app, [audit]);
  return added.ok ? ok(app) : added;
};

const ownerOfNewApp = async (
  deps: Deps,
  { account }: Principal,
  accountId: string | undefined,
): Promise<Result<string | undefined, Failure>> => {
  if (account !== undefined) {
    return accountId === undefined || accountId === account.id ? ok(account.id) : fail({ kind: 'operator_only' });
  }
  if (accountId === undefined) return ok(undefined);
  const found = await accountById(deps.db, accountId);
  if (!found.ok) return found;
  return found.value === undefined ? fail({ kind: 'not_found', what: 'account' }) : ok(accountId);
};

const APPS_PER_PAGE = 50;

/** A page of the manager's apps, ordered by id. */
export const listApps = async (
  deps: Deps,
  { account }: Principal,
  afterId: string,
): Promise<Result<{ apps: App[]; nextAfterId: string | undefined }, Failure>> => {
  const found = await appsAfter(deps.db, account?.id, afterId, APPS_PER_PAGE + 1);
  if (!found.ok) return found;
  const apps = found.value.slice(0, APPS_PER_PAGE);
  return ok({ apps, nextAfterId: found.value.length > APPS_PER_PAGE ? apps.at(-1)?.id : undefined });
};

export type AppUpdate = AppSettings & { disabled?: boolean | undefined };

/**
 * Changes an app, from the next request on.
 *
 * @param onlyIfUnchanged whether to refuse if the app changed since it was read for this request
 */
export const updateApp = async (
  deps: Deps,
  { app, by }: ManagedApp,
  settings: AppUpdate,
  onlyIfUnchanged = false,
): Promise<Result<App, Failure>> => {
  const { disabled } = settings;
  // No other property of the object gets into the audit trail.
  const named: AppSettings = Object.fromEntries(APP_SETTINGS.map((setting) => [setting, settings[setting]]));
  const detail: AuditDetail = {};
  for (const [setting, value] of Object.entries({ ...named, disabled }))
    if (value !== undefined) detail[setting] = value;
  if (Object.keys(detail).length === 0) return ok(app);
  const disabledAt = disabled === undefined ? undefined : disabled ? deps.now() : null;
  const audit = auditStatementFor(deps, by, { action: 'app.changed', appId: app.id, subject: app.id, detail });
  const expected = onlyIfUnchanged ? app : undefined;
  const isEnabled = disabledAt === null && app.disabledAt !== undefined;
  const alongside = isEnabled ? [audit, pollAppStatement(deps.db, app.id, deps.now())] : [audit];
  const changed = await changeApp(deps.db, app.id, { ...named, disabledAt }, expected, alongside);
  if (!changed.ok) return changed;
  if (changed.value === 'changed') return fail({ kind: 'app_changed' });
  return changed.value === undefined ? fail({ kind: 'app_not_found' }) : ok(changed.value);
};

const VERSION_HEX_LENGTH = 16;

/** A text that changes with every setting of the app, for optimistic edits. */
export const appVersion = async (app: App): Promise<string> =>
  hex(await sha256(JSON.stringify(versioned(app)))).slice(0, VERSION_HEX_LENGTH);

const versioned = (app: App) => [app.id, ...APP_SETTINGS.map((setting) => app[setting]), app.disabledAt];

/** A registered URI, and whether this call added it. */
export type RegisteredUri = Pick<RedirectUri, 'uri' | 'warnings'> & { added: boolean };

/**
 * Registers a redirect URI, or finds it registered. A URI in another spelling than the accepted one is refused, never
 * repaired.
 *
 * @param ownHosts hosts of this broker, which cannot be redirect targets
 */
export const registerRedirectUri = async (
  deps: Deps,
  { app, by }: ManagedApp,
  { uri, ownHosts }: { uri: string; ownHosts: readonly string[] },
): Promise<Result<RegisteredUri, Failure>> => {
  const judged = validateRedirectUri(uri, { allowLoopback: app.allowLoopback, ownHosts });
  if (!judged.ok) return fail({ kind: 'redirect_uri_not_registrable', refusal: judged.failure });
  const entry = { ...judged.value, id: await redirectUriId(uri) };
  const audit = auditStatementFor(deps, by, {
    action: 'redirect_uri.added',
    appId: app.id,
    subject: entry.id,
    detail: { uri },
  });
  const limits = { most: MAX_REDIRECT_URIS_PER_APP, now: deps.now() };
  const outcome = await addRedirectUri(deps.db, app.id, entry, limits, [audit]);
  if (!outcome.ok) return outcome;
  if (outcome.value === 'too_many') return fail({ kind: 'too_many_redirect_uris' });
  return ok({ ...judged.value, added: outcome.value === 'added' });
};

export const listRedirectUris = (deps: Deps, { app }: ManagedApp): Promise<Result<RedirectUri[], Failure>> =>
  redirectUrisOf(deps.db, app.id);

/** Removes a registered URI, also for links that have started. */
export const unregisterRedirectUri = async (
  deps: Deps,
  { app, by }: ManagedApp,
  uri: string,
): Promise<Result<void, Failure>> => {
  const subject = await redirectUriId(uri);
  const audit = auditStatementFor(deps, by, {
    action: 'redirect_uri.removed',
    appId: app.id,
    subject,
    detail: { uri },
  });
  const removed = await removeRedirectUri(deps.db, app.id, uri, [audit]);
  if (!removed.ok) return removed;
  return removed.value ? ok(undefined) : fail({ kind: 'not_found', what: 'redirect URI' });
};

const ID_HEX_LENGTH = 24;

const redirectUriId = async (uri: string): Promise<string> => `uri_${hex(await sha256(uri)).slice(0, ID_HEX_LENGTH)}`;

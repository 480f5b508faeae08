import { hashCredential, hex, mintCredential, mintId, sha256 } from '../crypto/credential.ts';
import type { ApiKey, App, KeyScope, LinkPolicy, RedirectUri, SharedAccounts } from '../domain/app.ts';
import type { Actor, AuditDetail } from '../domain/audit.ts';
import type { Failure } from '../domain/failure.ts';
import { judgeRegistration, MAX_REDIRECT_URIS_PER_APP } from '../domain/redirect-uri-registration.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { addApiKey, apiKeysOf, revokeApiKey } from '../store/api-keys.ts';
import { addApp, appById, appsAfter, changeApp } from '../store/apps.ts';
import { addRedirectUri, redirectUrisOf, removeRedirectUri } from '../store/redirect-uris.ts';
import { noted } from './audit.ts';
import type { Deps } from './deps.ts';

/**
 * What an actor does to apps, their keys and their redirect URIs. Whether the actor may is decided before; each change is noted in the
 * audit trail in the transaction that makes it.
 */

/** Makes an app. */
export const createApp = async (deps: Deps, by: Actor, { name }: { name: string }): Promise<Result<App, Failure>> => {
  const app: App = {
    id: mintId('app', deps.random),
    name,
    linkPolicy: 'open',
    allowLoopback: false,
    refuseBrowserKeys: false,
    sharedAccounts: 'allow',
    disabledAt: undefined,
    createdAt: deps.now(),
  };
  const audit = noted(deps, by, { action: 'app.created', appId: app.id, subject: app.id, detail: { name } });
  const added = await addApp(deps.db, app, [audit]);
  return added.ok ? ok(app) : added;
};

/** An app by its id. */
export const showApp = async (deps: Deps, appId: string): Promise<Result<App, Failure>> =>
  orNotFound(await appById(deps.db, appId));

const APPS_PER_PAGE = 50;

/** A page of apps in the order of their ids. */
export const listApps = async (
  deps: Deps,
  afterId: string,
): Promise<Result<{ apps: App[]; nextAfterId: string | undefined }, Failure>> => {
  const found = await appsAfter(deps.db, afterId, APPS_PER_PAGE + 1);
  if (!found.ok) return found;
  const apps = found.value.slice(0, APPS_PER_PAGE);
  return ok({ apps, nextAfterId: found.value.length > APPS_PER_PAGE ? apps.at(-1)?.id : undefined });
};

export type AppSettings = {
  name?: string | undefined;
  linkPolicy?: LinkPolicy | undefined;
  allowLoopback?: boolean | undefined;
  refuseBrowserKeys?: boolean | undefined;
  sharedAccounts?: SharedAccounts | undefined;
  disabled?: boolean | undefined;
};

/** Changes an app; it takes effect at the next request. */
export const updateApp = async (
  deps: Deps,
  by: Actor,
  appId: string,
  settings: AppSettings,
): Promise<Result<App, Failure>> => {
  const { disabled, ...rest } = settings;
  const detail: AuditDetail = {};
  for (const [name, value] of Object.entries(settings)) if (value !== undefined) detail[name] = value;
  if (Object.keys(detail).length === 0) return showApp(deps, appId);
  const disabledAt = disabled === undefined ? undefined : disabled ? deps.now() : null;
  const audit = noted(deps, by, { action: 'app.changed', appId, subject: appId, detail });
  return orNotFound(await changeApp(deps.db, appId, { ...rest, disabledAt }, [audit]));
};

const orNotFound = (found: Result<App | undefined, Failure>): Result<App, Failure> => {
  if (!found.ok) return found;
  return found.value === undefined ? fail({ kind: 'app_not_found' }) : ok(found.value);
};

/** Makes an API key. The answer is the only place where the key itself ever is. */
export const createApiKey = async (
  deps: Deps,
  by: Actor,
  appId: string,
  { name, scopes }: { name: string; scopes: readonly KeyScope[] },
): Promise<Result<{ key: string; details: ApiKey }, Failure>> => {
  const app = await showApp(deps, appId);
  if (!app.ok) return app;
  const key = await mintCredential('key', deps.random);
  const details: ApiKey = {
    id: mintId('key', deps.random),
    name,
    hint: key.slice(-4),
    scopes: [...scopes],
    createdAt: deps.now(),
    lastUsedAt: undefined,
    revokedAt: undefined,
  };
  const { lastUsedAt: _, revokedAt: __, ...stored } = details;
  const audit = noted(deps, by, {
    action: 'api_key.created',
    appId,
    subject: details.id,
    detail: { name, scopes: details.scopes },
  });
  const added = await addApiKey(deps.db, { ...stored, appId, hash: await hashCredential(key) }, [audit]);
  return added.ok ? ok({ key, details }) : added;
};

/** An app's keys, without the keys themselves. */
export const listApiKeys = async (deps: Deps, appId: string): Promise<Result<ApiKey[], Failure>> => {
  const app = await showApp(deps, appId);
  return app.ok ? apiKeysOf(deps.db, appId) : app;
};

/** Revokes a key, from the next request on. */
export const revokeKey = async (
  deps: Deps,
  by: Actor,
  appId: string,
  keyId: string,
): Promise<Result<void, Failure>> => {
  const audit = noted(deps, by, { action: 'api_key.revoked', appId, subject: keyId });
  const revoked = await revokeApiKey(deps.db, { appId, keyId }, deps.now(), [audit]);
  if (!revoked.ok) return revoked;
  return revoked.value ? ok(undefined) : fail({ kind: 'not_found', what: 'API key' });
};

/** A registered URI, and whether this call added it. */
export type RegisteredUri = { uri: string; warnings: string[]; added: boolean };

/**
 * Registers a redirect URI, or finds it registered. What is not written in the one accepted spelling is refused, never repaired.
 *
 * @param ownHosts hosts of this broker, which must not be its own redirect target
 */
export const registerRedirectUri = async (
  deps: Deps,
  by: Actor,
  { appId, uri, ownHosts }: { appId: string; uri: string; ownHosts: readonly string[] },
): Promise<Result<RegisteredUri, Failure>> => {
  const app = await showApp(deps, appId);
  if (!app.ok) return app;
  const judged = judgeRegistration(uri, { allowLoopback: app.value.allowLoopback, ownHosts });
  if (!judged.ok) return fail({ kind: 'redirect_uri_not_registrable', refusal: judged.failure });
  const entry = { ...judged.value, id: await redirectUriId(uri) };
  const audit = noted(deps, by, { action: 'redirect_uri.added', appId, subject: entry.id, detail: { uri } });
  const limits = { most: MAX_REDIRECT_URIS_PER_APP, now: deps.now() };
  const outcome = await addRedirectUri(deps.db, appId, entry, limits, [audit]);
  if (!outcome.ok) return outcome;
  if (outcome.value === 'too_many') return fail({ kind: 'too_many_redirect_uris', most: MAX_REDIRECT_URIS_PER_APP });
  return ok({ ...judged.value, added: outcome.value === 'added' });
};

/** An app's registered URIs. */
export const listRedirectUris = async (deps: Deps, appId: string): Promise<Result<RedirectUri[], Failure>> => {
  const app = await showApp(deps, appId);
  return app.ok ? redirectUrisOf(deps.db, appId) : app;
};

/** Removes a registered URI, for flows under way too. */
export const unregisterRedirectUri = async (
  deps: Deps,
  by: Actor,
  appId: string,
  uri: string,
): Promise<Result<void, Failure>> => {
  const subject = await redirectUriId(uri);
  const audit = noted(deps, by, { action: 'redirect_uri.removed', appId, subject, detail: { uri } });
  const removed = await removeRedirectUri(deps.db, appId, uri, [audit]);
  if (!removed.ok) return removed;
  return removed.value ? ok(undefined) : fail({ kind: 'not_found', what: 'redirect URI' });
};

const REDIRECT_URI_ID_HEX_LENGTH = 24;

const redirectUriId = async (uri: string): Promise<string> =>
  `uri_${hex(await sha256(uri)).slice(0, REDIRECT_URI_ID_HEX_LENGTH)}`;

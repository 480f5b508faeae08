import { hashCredential, mintCredential, mintId } from '../../crypto/credential.ts';
import type { ApiKey, KeyScope } from '../../domain/app.ts';
import { type CredentialPage, credentialPage, type CredentialPlace } from '../../domain/credential-list.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import { addApiKey, apiKeysOf, revokeApiKey } from '../../store/access/api-keys.ts';
import type { ManagedApp } from '../access/admit-manager.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';

/** What managers do to an app's API keys, as in `manage-apps.ts`. */

/** Creates an API key. The key itself is only in this answer. */
export const createApiKey = async (
  deps: Deps,
  { app, by }: ManagedApp,
  { name, scopes }: { name: string; scopes: readonly KeyScope[] },
): Promise<Result<{ key: Secret; details: ApiKey }, Failure>> => {
  const key = await mintCredential('key', deps.random);
  const details: ApiKey = {
    id: mintId('key', deps.random),
    name,
    hint: key.slice(-4),
    scopes: [...new Set(scopes)],
    createdAt: deps.now(),
    lastUsedAt: undefined,
    revokedAt: undefined,
  };
  const { lastUsedAt: _, revokedAt: __, ...stored } = details;
  const audit = auditStatementFor(deps, by, {
    action: 'api_key.created',
    appId: app.id,
    subject: details.id,
    detail: { name, scopes: details.scopes },
  });
  const added = await addApiKey(deps.db, { ...stored, appId: app.id, hash: await hashCredential(key) }, [audit]);
  if (!added.ok) return added;
  return added.value ? ok({ key: secret(key), details }) : fail({ kind: 'too_many_keys' });
};

/** A page of an app's keys, without the keys themselves. Valid ones come first, so they are all on the first page. */
export const listApiKeys = async (
  deps: Deps,
  { app }: ManagedApp,
  after?: CredentialPlace,
): Promise<Result<CredentialPage<ApiKey>, Failure>> => {
  const read = await apiKeysOf(deps.db, app.id, after);
  return read.ok ? ok(credentialPage(read.value, ({ revokedAt }) => revokedAt !== undefined)) : read;
};

/** Revokes a key, from the next request on. */
export const revokeKey = async (deps: Deps, { app, by }: ManagedApp, keyId: string): Promise<Result<void, Failure>> => {
  const audit = auditStatementFor(deps, by, { action: 'api_key.revoked', appId: app.id, subject: keyId });
  const revoked = await revokeApiKey(deps.db, { appId: app.id, keyId }, deps.now(), [audit]);
  if (!revoked.ok) return revoked;
  return revoked.value ? ok(undefined) : fail({ kind: 'not_found', what: 'API key' });
};

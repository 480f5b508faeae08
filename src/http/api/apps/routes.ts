import { Hono } from 'hono';
import type * as z from 'zod';

import {
  appVersion,
  createApp,
  listApps,
  listRedirectUris,
  registerRedirectUri,
  unregisterRedirectUri,
  updateApp,
} from '../../../broker/apps/manage-apps.ts';
import { createApiKey, listApiKeys, revokeKey } from '../../../broker/apps/manage-keys.ts';
import { listAudit } from '../../../broker/audit.ts';
import { testRedirectUri } from '../../../broker/link/test-redirect-uri.ts';
import { deleteApp } from '../../../broker/users/delete-app.ts';
import { type App, KEY_SCOPES } from '../../../domain/app.ts';
import type { HttpContext, HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { ownHosts } from '../../public-url.ts';
import { forApp, forManager } from '../admission/admit-manager.ts';
import { credentialCursor, credentialPageQuery } from '../cursors/credential-cursor.ts';
import { pageQuery } from '../schemas.ts';
import { valid } from '../validate.ts';
import {
  auditCursor,
  auditQuery,
  createAppRequest,
  createKeyRequest,
  redirectUriQuery,
  redirectUriRequest,
  updateAppRequest,
} from './contract.ts';
import { renderApp, renderAuditEntry, renderKey, renderRedirectUri, renderWarnings } from './render.ts';

/**
 * Apps, their keys, their redirect URIs and their audit trail. These routes take an access token, never an app's key.
 */
export const managementApi = new Hono<HttpEnv>();

managementApi.post('/apps', forManager, valid('json', createAppRequest), async (c) => {
  const { name, account_id: accountId, history_on_connect: historyOnConnect } = c.req.valid('json');
  const created = await createApp(c.get('deps'), c.get('manager'), { name, accountId, historyOnConnect });
  return created.ok ? answerApp(c, created.value, 201) : answerFailure(c, created.failure);
});

managementApi.get('/apps', forManager, valid('query', pageQuery), async (c) => {
  const listed = await listApps(c.get('deps'), c.get('manager'), c.req.valid('query').cursor ?? '');
  if (!listed.ok) return answerFailure(c, listed.failure);
  return c.json({ data: listed.value.apps.map(renderApp), next_cursor: listed.value.nextAfterId ?? null });
});

managementApi.get('/apps/:app_id', forApp, (c) => answerApp(c, c.get('managed').app, 200));

/** With `If-Match`, only if the app has not changed since it was read (RFC 9110, 13.1.1). */
managementApi.patch('/apps/:app_id', forApp, valid('json', updateAppRequest), async (c) => {
  const managed = c.get('managed');
  const body = c.req.valid('json');
  const expected = c.req.header('If-Match');
  if (expected !== undefined && expected !== '*' && expected !== (await etagOf(managed.app))) {
    return answerFailure(c, { kind: 'app_changed' });
  }
  const settings = {
    name: body.name,
    linkPolicy: body.link_policy,
    allowLoopback: body.allow_loopback,
    refuseBrowserKeys: body.refuse_browser_keys,
    sharedAccounts: body.shared_accounts,
    historyOnConnect: body.history_on_connect,
    demoAccount: body.demo_account,
    disabled: body.disabled,
  };
  const changed = await updateApp(c.get('deps'), managed, settings, expected !== undefined);
  return changed.ok ? answerApp(c, changed.value, 200) : answerFailure(c, changed.failure);
});

/** Deletes an app and everything of its users. 202 if there is more to delete: send it again. 204 when it is gone. */
managementApi.delete('/apps/:app_id', forApp, async (c) => {
  const gone = await deleteApp(c.get('deps'), c.get('managed'));
  if (!gone.ok) return answerFailure(c, gone.failure);
  return gone.value ? c.body(null, 204) : c.json({ complete: false }, 202);
});

const answerApp = async (c: HttpContext, app: App, status: 200 | 201) => {
  c.header('ETag', await etagOf(app));
  return c.json(renderApp(app), status);
};

const etagOf = async (app: App): Promise<string> => `"${await appVersion(app)}"`;

managementApi.post('/apps/:app_id/keys', forApp, valid('json', createKeyRequest), async (c) => {
  const { name, scopes = [...KEY_SCOPES] } = c.req.valid('json');
  const created = await createApiKey(c.get('deps'), c.get('managed'), { name, scopes });
  if (!created.ok) return answerFailure(c, created.failure);
  return c.json({ ...renderKey(created.value.details), key: created.value.key.reveal() }, 201);
});

managementApi.get('/apps/:app_id/keys', forApp, valid('query', credentialPageQuery), async (c) => {
  const keys = await listApiKeys(c.get('deps'), c.get('managed'), c.req.valid('query').cursor);
  if (!keys.ok) return answerFailure(c, keys.failure);
  const { credentials, next } = keys.value;
  return c.json({ data: credentials.map(renderKey), next_cursor: next ? credentialCursor.encode(next) : null });
});

managementApi.delete('/apps/:app_id/keys/:key_id', forApp, async (c) => {
  const revoked = await revokeKey(c.get('deps'), c.get('managed'), c.req.param('key_id'));
  return revoked.ok ? c.body(null, 204) : answerFailure(c, revoked.failure);
});

managementApi.put('/apps/:app_id/redirect-uris', forApp, valid('json', redirectUriRequest), async (c) => {
  const { uri } = c.req.valid('json');
  const registered = await registerRedirectUri(c.get('deps'), c.get('managed'), { uri, ownHosts: ownHosts(c) });
  if (!registered.ok) return answerFailure(c, registered.failure);
  return c.json({ uri, warnings: renderWarnings(uri, registered.value.warnings) }, registered.value.added ? 201 : 200);
});

managementApi.get('/apps/:app_id/redirect-uris', forApp, async (c) => {
  const uris = await listRedirectUris(c.get('deps'), c.get('managed'));
  return uris.ok ? c.json({ data: uris.value.map(renderRedirectUri) }) : answerFailure(c, uris.failure);
});

/** Whether `auth` would accept this redirect URI. */
managementApi.get('/apps/:app_id/redirect-uris/test', forApp, valid('query', redirectUriQuery), async (c) => {
  const tested = await testRedirectUri(c.get('deps'), c.get('managed'), c.req.valid('query').uri);
  if (!tested.ok) return answerFailure(c, tested.failure);
  const { matches, registered, differences, explanation } = tested.value;
  return c.json({ matches, registered: registered ?? null, differences, explanation: explanation ?? null });
});

managementApi.delete('/apps/:app_id/redirect-uris', forApp, valid('query', redirectUriQuery), async (c) => {
  const removed = await unregisterRedirectUri(c.get('deps'), c.get('managed'), c.req.valid('query').uri);
  return removed.ok ? c.body(null, 204) : answerFailure(c, removed.failure);
});

/** An app's audit trail, newest first. */
managementApi.get('/apps/:app_id/audit', forApp, valid('query', auditQuery), (c) =>
  answerAudit(c, c.get('managed').app.id, c.req.valid('query')),
);

/**
 * The audit trail, newest first: all of it for the operator, deleted apps included; a developer's own account for a
 * developer.
 */
managementApi.get('/audit', forManager, valid('query', auditQuery), (c) =>
  answerAudit(c, c.get('manager').account?.id, c.req.valid('query')),
);

const answerAudit = async (c: HttpContext, of: string | undefined, { cursor }: z.infer<typeof auditQuery>) => {
  const listed = await listAudit(c.get('deps'), of, cursor);
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { entries, next } = listed.value;
  const nextCursor = next === undefined ? null : auditCursor.encode(next);
  return c.json({ data: entries.map(renderAuditEntry), next_cursor: nextCursor });
};

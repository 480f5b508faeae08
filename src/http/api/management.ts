import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';

import { listAudit } from '../../broker/audit.ts';
import { admitOperator } from '../../broker/authenticate.ts';
import { deleteApp } from '../../broker/delete-app.ts';
import {
  createApiKey,
  createApp,
  listApiKeys,
  listApps,
  listRedirectUris,
  registerRedirectUri,
  revokeKey,
  showApp,
  unregisterRedirectUri,
  updateApp,
} from '../../broker/manage-apps.ts';
import { testRedirectUri } from '../../broker/test-redirect-uri.ts';
import { KEY_SCOPES } from '../../domain/app.ts';
import { OPERATOR } from '../../domain/audit.ts';
import type { HttpContext, HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import { auditCursor, readAuditCursor } from './audit-cursor.ts';
import {
  auditQuery,
  createAppRequest,
  createKeyRequest,
  redirectUriQuery,
  redirectUriRequest,
  updateAppRequest,
} from './contract.ts';
import { bearer, surfaceOf } from './presented.ts';
import { renderApp, renderAuditEntry, renderKey, renderRedirectUri, renderWarnings } from './render.ts';
import { valid } from './validate.ts';

/** Apps, their keys, their redirect URIs, and who changed them. Takes an access token, never an app's key. */
export const managementApi = new Hono<HttpEnv>();

const operatorOnly = createMiddleware<HttpEnv>(async (c, next) => {
  const admitted = await admitOperator(c.env.deps, bearer(c));
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  c.set('actor', { id: OPERATOR, surface: surfaceOf(c) });
  return next();
});
for (const path of [
  '/apps',
  '/apps/:app_id',
  '/apps/:app_id/keys',
  '/apps/:app_id/keys/:key_id',
  '/apps/:app_id/redirect-uris',
  '/apps/:app_id/redirect-uris/test',
  '/apps/:app_id/audit',
  '/audit',
]) {
  managementApi.use(path, operatorOnly);
}

managementApi.post('/apps', valid('json', createAppRequest), async (c) => {
  const created = await createApp(c.env.deps, c.get('actor'), c.req.valid('json'));
  return created.ok ? c.json(renderApp(created.value), 201) : answerFailure(c, created.failure);
});

managementApi.get('/apps', async (c) => {
  const listed = await listApps(c.env.deps, c.req.query('cursor') ?? '');
  if (!listed.ok) return answerFailure(c, listed.failure);
  return c.json({ data: listed.value.apps.map(renderApp), next_cursor: listed.value.nextAfterId ?? null });
});

managementApi.get('/apps/:app_id', async (c) => {
  const app = await showApp(c.env.deps, c.req.param('app_id'));
  return app.ok ? c.json(renderApp(app.value)) : answerFailure(c, app.failure);
});

managementApi.patch('/apps/:app_id', valid('json', updateAppRequest), async (c) => {
  const body = c.req.valid('json');
  const changed = await updateApp(c.env.deps, c.get('actor'), c.req.param('app_id'), {
    name: body.name,
    linkPolicy: body.link_policy,
    allowLoopback: body.allow_loopback,
    refuseBrowserKeys: body.refuse_browser_keys,
    sharedAccounts: body.shared_accounts,
    disabled: body.disabled,
  });
  return changed.ok ? c.json(renderApp(changed.value)) : answerFailure(c, changed.failure);
});

/** Deletes an app and everything of its users. 202 while there is more to delete: send it again; 204 when it is gone. */
managementApi.delete('/apps/:app_id', async (c) => {
  const gone = await deleteApp(c.env.deps, c.get('actor'), c.req.param('app_id'));
  if (!gone.ok) return answerFailure(c, gone.failure);
  return gone.value ? c.body(null, 204) : c.json({ complete: false }, 202);
});

managementApi.post('/apps/:app_id/keys', valid('json', createKeyRequest), async (c) => {
  const { name, scopes = [...KEY_SCOPES] } = c.req.valid('json');
  const created = await createApiKey(c.env.deps, c.get('actor'), c.req.param('app_id'), { name, scopes });
  if (!created.ok) return answerFailure(c, created.failure);
  return c.json({ ...renderKey(created.value.details), key: created.value.key }, 201);
});

managementApi.get('/apps/:app_id/keys', async (c) => {
  const keys = await listApiKeys(c.env.deps, c.req.param('app_id'));
  return keys.ok ? c.json({ data: keys.value.map(renderKey) }) : answerFailure(c, keys.failure);
});

managementApi.delete('/apps/:app_id/keys/:key_id', async (c) => {
  const revoked = await revokeKey(c.env.deps, c.get('actor'), c.req.param('app_id'), c.req.param('key_id'));
  return revoked.ok ? c.body(null, 204) : answerFailure(c, revoked.failure);
});

managementApi.put('/apps/:app_id/redirect-uris', valid('json', redirectUriRequest), async (c) => {
  const { uri } = c.req.valid('json');
  const ownHost = new URL(c.env.deps.settings.publicUrl(c.req.url)).host;
  const registered = await registerRedirectUri(c.env.deps, c.get('actor'), {
    appId: c.req.param('app_id'),
    uri,
    ownHosts: [ownHost],
  });
  if (!registered.ok) return answerFailure(c, registered.failure);
  return c.json({ uri, warnings: renderWarnings(uri, registered.value.warnings) }, registered.value.added ? 201 : 200);
});

managementApi.get('/apps/:app_id/redirect-uris', async (c) => {
  const uris = await listRedirectUris(c.env.deps, c.req.param('app_id'));
  return uris.ok ? c.json({ data: uris.value.map(renderRedirectUri) }) : answerFailure(c, uris.failure);
});

/** What an authorization request with this redirect URI would meet. */
managementApi.get('/apps/:app_id/redirect-uris/test', valid('query', redirectUriQuery), async (c) => {
  const tested = await testRedirectUri(c.env.deps, c.req.param('app_id'), c.req.valid('query').uri);
  if (!tested.ok) return answerFailure(c, tested.failure);
  const { matches, registered, differences, explanation } = tested.value;
  return c.json({ matches, registered: registered ?? null, differences, explanation: explanation ?? null });
});

managementApi.delete('/apps/:app_id/redirect-uris', valid('query', redirectUriQuery), async (c) => {
  const removed = await unregisterRedirectUri(
    c.env.deps,
    c.get('actor'),
    c.req.param('app_id'),
    c.req.valid('query').uri,
  );
  return removed.ok ? c.body(null, 204) : answerFailure(c, removed.failure);
});

/** Who changed what of one app, newest first. */
managementApi.get('/apps/:app_id/audit', valid('query', auditQuery), async (c) => {
  const app = await showApp(c.env.deps, c.req.param('app_id'));
  return app.ok ? answerAudit(c, app.value.id, c.req.valid('query').cursor) : answerFailure(c, app.failure);
});

/** Who changed what of anything, newest first; apps that are gone included. */
managementApi.get('/audit', valid('query', auditQuery), (c) => answerAudit(c, undefined, c.req.valid('query').cursor));

const answerAudit = async (c: HttpContext, appId: string | undefined, cursor: string | undefined) => {
  const before = cursor === undefined ? undefined : readAuditCursor(cursor);
  if (cursor !== undefined && before === undefined) {
    return answerFailure(c, { kind: 'invalid_parameter', parameter: 'cursor', detail: 'It is not one of ours.' });
  }
  const listed = await listAudit(c.env.deps, appId, before);
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { entries, next } = listed.value;
  return c.json({ data: entries.map(renderAuditEntry), next_cursor: next === undefined ? null : auditCursor(next) });
};

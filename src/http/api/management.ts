import { Hono } from 'hono';
import { createMiddleware } from 'hono/factory';

import { admitOperator } from '../../broker/authenticate.ts';
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
import { KEY_SCOPES } from '../../domain/app.ts';
import type { HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import {
  createAppRequest,
  createKeyRequest,
  redirectUriQuery,
  redirectUriRequest,
  updateAppRequest,
} from './contract.ts';
import { bearer } from './presented.ts';
import { renderApp, renderKey, renderRedirectUri, renderWarnings } from './render.ts';
import { valid } from './validate.ts';

/** Apps, their keys and their redirect URIs. Takes an access token, never an app's key. */
export const managementApi = new Hono<HttpEnv>();

const operatorOnly = createMiddleware<HttpEnv>(async (c, next) => {
  const admitted = await admitOperator(c.env.deps, bearer(c));
  if (!admitted.ok) return answerFailure(c, admitted.failure);
  return next();
});
for (const path of ['/', '/:app_id', '/:app_id/keys', '/:app_id/keys/:key_id', '/:app_id/redirect-uris']) {
  managementApi.use(path, operatorOnly);
}

managementApi.post('/', valid('json', createAppRequest), async (c) => {
  const created = await createApp(c.env.deps, c.req.valid('json'));
  return created.ok ? c.json(renderApp(created.value), 201) : answerFailure(c, created.failure);
});

managementApi.get('/', async (c) => {
  const listed = await listApps(c.env.deps, c.req.query('cursor') ?? '');
  if (!listed.ok) return answerFailure(c, listed.failure);
  return c.json({ data: listed.value.apps.map(renderApp), next_cursor: listed.value.nextAfterId ?? null });
});

managementApi.get('/:app_id', async (c) => {
  const app = await showApp(c.env.deps, c.req.param('app_id'));
  return app.ok ? c.json(renderApp(app.value)) : answerFailure(c, app.failure);
});

managementApi.patch('/:app_id', valid('json', updateAppRequest), async (c) => {
  const { link_policy: linkPolicy, allow_loopback: allowLoopback, ...rest } = c.req.valid('json');
  const changed = await updateApp(c.env.deps, c.req.param('app_id'), { ...rest, linkPolicy, allowLoopback });
  return changed.ok ? c.json(renderApp(changed.value)) : answerFailure(c, changed.failure);
});

managementApi.post('/:app_id/keys', valid('json', createKeyRequest), async (c) => {
  const { name, scopes = [...KEY_SCOPES] } = c.req.valid('json');
  const created = await createApiKey(c.env.deps, c.req.param('app_id'), { name, scopes });
  if (!created.ok) return answerFailure(c, created.failure);
  return c.json({ ...renderKey(created.value.details), key: created.value.key }, 201);
});

managementApi.get('/:app_id/keys', async (c) => {
  const keys = await listApiKeys(c.env.deps, c.req.param('app_id'));
  return keys.ok ? c.json({ data: keys.value.map(renderKey) }) : answerFailure(c, keys.failure);
});

managementApi.delete('/:app_id/keys/:key_id', async (c) => {
  const revoked = await revokeKey(c.env.deps, c.req.param('app_id'), c.req.param('key_id'));
  return revoked.ok ? c.body(null, 204) : answerFailure(c, revoked.failure);
});

managementApi.put('/:app_id/redirect-uris', valid('json', redirectUriRequest), async (c) => {
  const { uri } = c.req.valid('json');
  const ownHost = new URL(c.env.deps.settings.publicUrl(c.req.url)).host;
  const registered = await registerRedirectUri(c.env.deps, c.req.param('app_id'), uri, [ownHost]);
  if (!registered.ok) return answerFailure(c, registered.failure);
  return c.json({ uri, warnings: renderWarnings(uri, registered.value.warnings) }, registered.value.added ? 201 : 200);
});

managementApi.get('/:app_id/redirect-uris', async (c) => {
  const uris = await listRedirectUris(c.env.deps, c.req.param('app_id'));
  return uris.ok ? c.json({ data: uris.value.map(renderRedirectUri) }) : answerFailure(c, uris.failure);
});

managementApi.delete('/:app_id/redirect-uris', valid('query', redirectUriQuery), async (c) => {
  const removed = await unregisterRedirectUri(c.env.deps, c.req.param('app_id'), c.req.valid('query').uri);
  return removed.ok ? c.body(null, 204) : answerFailure(c, removed.failure);
});

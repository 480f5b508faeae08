import type { Read, Written } from './contract.ts';
import { type Answer, appPath, type Broker, send } from './send.ts';

/** Apps, their keys and their redirect URIs. Needs an access token. */

export const createApp = (broker: Broker, body: Written<'createAppRequest'>): Promise<Answer<Read<'app'>>> =>
  send(broker, 'POST', '/apps', { body });

export const listApps = (broker: Broker, cursor?: string): Promise<Answer<Read<'appList'>>> =>
  send(broker, 'GET', '/apps', { query: { cursor } });

/** One app. */
export const getApp = (broker: Broker, appId: string): Promise<Answer<Read<'app'>>> =>
  send(broker, 'GET', appPath(appId));

/**
 * Changes an app's settings; absent ones stay.
 *
 * @param ifMatch the `ETag` of the app as it was read; if the app changed since, the failure is `app_changed`
 */
export const updateApp = (
  broker: Broker,
  appId: string,
  body: Written<'updateAppRequest'>,
  ifMatch?: string,
): Promise<Answer<Read<'app'>>> => send(broker, 'PATCH', appPath(appId), { body, ifMatch });

/** Deletes an app and everything of its users. With status 202 there is more to delete: call again. */
export const deleteApp = (broker: Broker, appId: string): Promise<Answer<{ complete: false } | null>> =>
  send(broker, 'DELETE', appPath(appId));

/** Creates an API key. Only this answer contains it. */
export const createKey = (
  broker: Broker,
  appId: string,
  body: Written<'createKeyRequest'>,
): Promise<Answer<Read<'createdKey'>>> => send(broker, 'POST', appPath(appId, 'keys'), { body });

/** An app's keys, without the keys themselves: valid ones first. */
export const listKeys = (broker: Broker, appId: string, cursor?: string): Promise<Answer<Read<'keyList'>>> =>
  send(broker, 'GET', appPath(appId, 'keys'), { query: { cursor } });

export const revokeKey = (broker: Broker, appId: string, keyId: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', appPath(appId, 'keys', keyId));

/** Registers a redirect URI; status 200 if it was registered already. */
export const registerRedirectUri = (
  broker: Broker,
  appId: string,
  uri: string,
): Promise<Answer<Read<'registeredRedirectUri'>>> =>
  send(broker, 'PUT', appPath(appId, 'redirect-uris'), { body: { uri } });

export const listRedirectUris = (broker: Broker, appId: string): Promise<Answer<Read<'redirectUriList'>>> =>
  send(broker, 'GET', appPath(appId, 'redirect-uris'));

/** Whether a redirect URI would be accepted by `auth`, and how it differs if not. */
export const testRedirectUri = (broker: Broker, appId: string, uri: string): Promise<Answer<Read<'redirectUriTest'>>> =>
  send(broker, 'GET', appPath(appId, 'redirect-uris', 'test'), { query: { uri } });

export const unregisterRedirectUri = (broker: Broker, appId: string, uri: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', appPath(appId, 'redirect-uris'), { query: { uri } });

/** An app's audit trail, newest first. */
export const listAppAudit = (broker: Broker, appId: string, cursor?: string): Promise<Answer<Read<'auditList'>>> =>
  send(broker, 'GET', appPath(appId, 'audit'), { query: { cursor } });

/** The audit trail, newest first: all of it for the operator, a developer's own account and tokens for a developer. */
export const listAudit = (broker: Broker, cursor?: string): Promise<Answer<Read<'auditList'>>> =>
  send(broker, 'GET', '/audit', { query: { cursor } });

/** What the operator may have to fix. Operator only. */
export const getOperatorStatus = (broker: Broker): Promise<Answer<Read<'operatorStatus'>>> =>
  send(broker, 'GET', '/operator/status');

/** The keyring and the progress of its rotation. Operator only. */
export const getKeyring = (broker: Broker): Promise<Answer<Read<'keyring'>>> =>
  send(broker, 'GET', '/operator/keyring');

/** Seals more tokens under the current key. Operator only. */
export const reseal = (broker: Broker): Promise<Answer<Read<'keyring'>>> =>
  send(broker, 'POST', '/operator/keyring/reseal');

export const getHealth = (broker: Broker): Promise<Answer<Read<'health'>>> => send(broker, 'GET', '/healthz');

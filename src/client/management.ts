import type { Read, Written } from './contract.ts';
import { type Answer, appPath, type Broker, send } from './send.ts';

/** Apps, their keys and their redirect URIs. Takes an access token. */

/** Makes an app. */
export const createApp = (broker: Broker, body: Written<'createAppRequest'>): Promise<Answer<Read<'app'>>> =>
  send(broker, 'POST', '/apps', { body });

/** A page of apps. */
export const listApps = (broker: Broker, cursor?: string): Promise<Answer<Read<'appList'>>> =>
  send(broker, 'GET', '/apps', { query: { cursor } });

/** One app. */
export const getApp = (broker: Broker, appId: string): Promise<Answer<Read<'app'>>> =>
  send(broker, 'GET', appPath(appId));

/**
 * Changes an app's settings; what is left out stays.
 *
 * @param ifMatch the `ETag` of the app as it was read: where somebody changed it since, the failure is `app_changed`
 */
export const updateApp = (
  broker: Broker,
  appId: string,
  body: Written<'updateAppRequest'>,
  ifMatch?: string,
): Promise<Answer<Read<'app'>>> => send(broker, 'PATCH', appPath(appId), { body, ifMatch });

/** Deletes an app and everything of its users. Status 202 says that there is more to delete: call again. */
export const deleteApp = (broker: Broker, appId: string): Promise<Answer<{ complete: false } | null>> =>
  send(broker, 'DELETE', appPath(appId));

/** Makes an API key: the only time it is seen. */
export const createKey = (
  broker: Broker,
  appId: string,
  body: Written<'createKeyRequest'>,
): Promise<Answer<Read<'createdKey'>>> => send(broker, 'POST', appPath(appId, 'keys'), { body });

/** An app's keys, without the keys themselves. */
export const listKeys = (broker: Broker, appId: string): Promise<Answer<Read<'keyList'>>> =>
  send(broker, 'GET', appPath(appId, 'keys'));

/** Revokes a key. */
export const revokeKey = (broker: Broker, appId: string, keyId: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', appPath(appId, 'keys', keyId));

/** Registers a redirect URI; status 200 where it was registered already. */
export const registerRedirectUri = (
  broker: Broker,
  appId: string,
  uri: string,
): Promise<Answer<Read<'registeredRedirectUri'>>> =>
  send(broker, 'PUT', appPath(appId, 'redirect-uris'), { body: { uri } });

/** An app's redirect URIs. */
export const listRedirectUris = (broker: Broker, appId: string): Promise<Answer<Read<'redirectUriList'>>> =>
  send(broker, 'GET', appPath(appId, 'redirect-uris'));

/** Whether an authorization request with a redirect URI would be taken, and what differs if not. */
export const testRedirectUri = (broker: Broker, appId: string, uri: string): Promise<Answer<Read<'redirectUriTest'>>> =>
  send(broker, 'GET', appPath(appId, 'redirect-uris', 'test'), { query: { uri } });

/** Removes a redirect URI. */
export const unregisterRedirectUri = (broker: Broker, appId: string, uri: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', appPath(appId, 'redirect-uris'), { query: { uri } });

/** Who changed what of an app, newest first. */
export const listAppAudit = (broker: Broker, appId: string, cursor?: string): Promise<Answer<Read<'auditList'>>> =>
  send(broker, 'GET', appPath(appId, 'audit'), { query: { cursor } });

/** Who changed what, newest first: for the operator of anything, for a developer of their account and its tokens. */
export const listAudit = (broker: Broker, cursor?: string): Promise<Answer<Read<'auditList'>>> =>
  send(broker, 'GET', '/audit', { query: { cursor } });

/** What an operator could have to mend. The operator's alone. */
export const getOperatorStatus = (broker: Broker): Promise<Answer<Read<'operatorStatus'>>> =>
  send(broker, 'GET', '/operator/status');

/** The keyring and how far its rotation is. The operator's alone. */
export const getKeyring = (broker: Broker): Promise<Answer<Read<'keyring'>>> =>
  send(broker, 'GET', '/operator/keyring');

/** Seals more tokens under the current key. The operator's alone. */
export const reseal = (broker: Broker): Promise<Answer<Read<'keyring'>>> =>
  send(broker, 'POST', '/operator/keyring/reseal');

/** That the broker runs. */
export const getHealth = (broker: Broker): Promise<Answer<Read<'health'>>> => send(broker, 'GET', '/healthz');

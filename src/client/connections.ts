import type { Read, Written } from './contract.ts';
import { type Answer, appPath, type Broker, send } from './send.ts';

/** Linking users, and their connections. */

/**
 * The URL to open in the user's browser. Anyone who has it can open it. If that matters, let the backend create the
 * link with `createConnectSession`.
 */
export const linkUrl = (
  { url }: Pick<Broker, 'url'>,
  appId: string,
  { userId, redirectUri }: { userId: string; redirectUri: string },
): string => {
  const link = new URL(appPath(appId, 'withings', 'auth'), url);
  link.searchParams.set('user_id', userId);
  link.searchParams.set('redirect_uri', redirectUri);
  return link.href;
};

/** Creates a single-use link for one user. Backends only. */
export const createConnectSession = (
  broker: Broker,
  appId: string,
  body: Written<'connectSessionRequest'>,
): Promise<Answer<Read<'connectSession'>>> =>
  send(broker, 'POST', appPath(appId, 'withings', 'connect-sessions'), { body });

/** Confirms a pending connection with the ticket from the redirect. Backends only. */
export const confirmLink = (
  broker: Broker,
  appId: string,
  body: Written<'confirmRequest'>,
): Promise<Answer<Read<'status'>>> => send(broker, 'POST', appPath(appId, 'withings', 'confirm'), { body });

/** Creates a token for one user's phone or page. Backends only. */
export const createUserToken = (
  broker: Broker,
  appId: string,
  body: Written<'userTokenRequest'>,
): Promise<Answer<Read<'userToken'>>> => send(broker, 'POST', appPath(appId, 'withings', 'user-tokens'), { body });

/** Pulls what is new. With status 202 and `complete: false` there is more to pull: call again. */
export const sync = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'syncResult'>>> =>
  send(broker, 'POST', appPath(appId, 'withings', 'sync', userId));

export const getStatus = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'status'>>> =>
  send(broker, 'GET', appPath(appId, 'withings', 'status', userId));

/** Deletes the user's tokens; measurements stay. */
export const disconnect = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'status'>>> =>
  send(broker, 'DELETE', appPath(appId, 'withings', 'disconnect', userId));

/** A page of the app's users. Needs an access token. */
export const listConnections = (
  broker: Broker,
  appId: string,
  query: Written<'connectionListQuery'> = {},
): Promise<Answer<Read<'connectionList'>>> => send(broker, 'GET', appPath(appId, 'withings', 'connections'), { query });

/** The user's connection: state, scopes, last sync, last failure. */
export const getConnection = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'connection'>>> =>
  send(broker, 'GET', appPath(appId, 'withings', 'connections', userId));

/** A page of everything that is stored about a user. */
export const exportUser = (
  broker: Broker,
  appId: string,
  userId: string,
  query: Written<'exportQuery'> = {},
): Promise<Answer<Read<'userExport'>>> => send(broker, 'GET', appPath(appId, 'users', userId, 'export'), { query });

/** Erases a user. With status 202 and `complete: false` there is more to remove: call again. */
export const eraseUser = (broker: Broker, appId: string, userId: string): Promise<Answer<Read<'erasure'>>> =>
  send(broker, 'DELETE', appPath(appId, 'users', userId));

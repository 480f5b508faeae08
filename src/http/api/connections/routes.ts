import { Hono } from 'hono';

import { mintUserToken } from '../../../broker/access/mint-user-token.ts';
import { confirmLink } from '../../../broker/link/confirm-link.ts';
import { mintConnectSession } from '../../../broker/link/mint-connect-session.ts';
import { sync } from '../../../broker/sync/sync.ts';
import { disconnect, showConnection, syncableConnection } from '../../../broker/users/connection-state.ts';
import { listConnections } from '../../../broker/users/list-connections.ts';
import { withdraw } from '../../../broker/users/withdraw.ts';
import type { HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { publicUrl } from '../../public-url.ts';
import { forBackend, forReader } from '../admission/admit-backend.ts';
import { forPerson, forUser } from '../admission/admit-user.ts';
import { instant } from '../instant.ts';
import { valid } from '../validate.ts';
import {
  confirmRequest,
  connectionListQuery,
  connectSessionRequest,
  disconnectQuery,
  userTokenRequest,
} from './contract.ts';
import { renderConnection, renderListedConnection, renderSync } from './render.ts';

/** Connections: sync, read, disconnect, list; and the backend's calls to create one. */
export const connectionsApi = new Hono<HttpEnv>();

/** Pulls what is new. 200 when everything is stored, 202 while a long history is still being read. */
connectionsApi.post('/sync/:user_id', forUser('sync'), async (c) => {
  const connection = syncableConnection(c.get('user'));
  if (!connection.ok) return answerFailure(c, connection.failure);
  const synced = await sync(c.get('deps'), connection.value);
  if (!synced.ok) return answerFailure(c, synced.failure);
  return c.json(renderSync(synced.value), synced.value.complete ? 200 : 202);
});

/** Deletes the user's tokens. Stored measurements stay. */
connectionsApi.delete(
  '/disconnect/:user_id',
  forPerson('sync', { userTokens: true }),
  valid('query', disconnectQuery),
  async (c) => {
    if (c.req.valid('query').withdraw === 'true') {
      const withdrawn = await withdraw(c.get('deps'), c.get('person'));
      if (!withdrawn.ok) return answerFailure(c, withdrawn.failure);
      return c.json({ connected: false, withings: withdrawn.value });
    }
    const done = await disconnect(c.get('deps'), c.get('person'));
    return done.ok ? c.json({ connected: false }) : answerFailure(c, done.failure);
  },
);

/** The app's users by their connections: filtered by state, searched by the beginning of their ids. */
connectionsApi.get('/connections', forReader, valid('query', connectionListQuery), async (c) => {
  const { state, failing, search = '', cursor = '' } = c.req.valid('query');
  const listed = await listConnections(c.get('deps'), c.get('backend').appId, {
    state,
    failing: failing === 'true',
    prefix: search,
    afterUserId: cursor,
  });
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { users, nextAfterUserId } = listed.value;
  return c.json({ data: users.map(renderListedConnection), next_cursor: nextAfterUserId ?? null });
});

/** The connection: state with its reason, scopes, last sync, next refresh, last failure, timeline. */
connectionsApi.get('/connections/:user_id', forUser('read', { userTokens: false }), async (c) => {
  const shown = await showConnection(c.get('deps'), c.get('user'));
  return shown.ok ? c.json(renderConnection(c.get('user').userId, shown.value)) : answerFailure(c, shown.failure);
});

/** A short-lived token for one user, for an app on a phone. */
connectionsApi.post('/user-tokens', forBackend('manage-links'), valid('json', userTokenRequest), async (c) => {
  const { user_id: userId } = c.req.valid('json');
  const minted = await mintUserToken(c.get('deps'), c.get('backend'), userId);
  if (!minted.ok) return answerFailure(c, minted.failure);
  const { token, expiresAt } = minted.value;
  return c.json({ token: token.reveal(), expires_at: instant(expiresAt) }, 201);
});

/** A single-use link for one user, to be opened in that user's browser. */
connectionsApi.post(
  '/connect-sessions',
  forBackend('manage-links'),
  valid('json', connectSessionRequest),
  async (c) => {
    const { user_id: userId, redirect_uri: redirectUri, state: appState, account } = c.req.valid('json');
    const { appId } = c.get('backend');
    const minted = await mintConnectSession(c.get('deps'), c.get('backend'), {
      userId,
      redirectUri,
      appState,
      switchAccount: account === 'switch',
    });
    if (!minted.ok) return answerFailure(c, minted.failure);
    const { session, expiresAt } = minted.value;
    const authUrl = `${publicUrl(c)}/apps/${appId}/withings/auth?session=${session.reveal()}`;
    return c.json({ auth_url: authUrl, expires_at: instant(expiresAt) }, 201);
  },
);

/** Confirms that the user who returned with the ticket is the one for whom the link was made. */
connectionsApi.post('/confirm', forBackend('manage-links'), valid('json', confirmRequest), async (c) => {
  const { ticket, user_id: userId } = c.req.valid('json');
  const origin = publicUrl(c);
  const confirmed = await confirmLink(c.get('deps'), c.get('backend').appId, { ticket, userId, origin });
  return confirmed.ok ? c.json({ connected: true }) : answerFailure(c, confirmed.failure);
});

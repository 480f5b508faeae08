import type { TokenBody } from '../../withings/wire.ts';
import { invalidParams, notImplemented, refusal, success, type Answer } from '../api/answer.ts';
import type { Call } from '../api/call.ts';
import { effectiveScopes } from '../people/people.ts';
import type { SimulatorState } from '../state.ts';
import type { Client } from './client.ts';
import { ACCESS_TOKEN_LIFETIME_SECONDS, type Held } from './grants.ts';
import { badSignature, missingClientId } from './signature.ts';

/** The client that proved itself by its secret or by a signature over a fresh nonce, or the refusal. */
const authenticate = (state: SimulatorState, call: Call, signed: boolean): Client | Answer => {
  const { client_id: clientId, client_secret: secret, nonce, signature } = call.fields;
  if (clientId === undefined || clientId === '') return missingClientId;
  const client = state.clients.get(clientId);
  const wrong = refusal(state.settings.badCredentialsStatus, 'Invalid Params: invalid client_id/client_secret');
  if (client === undefined) return wrong;
  if (secret !== undefined) return secret === client.clientSecret ? client : wrong;
  if (nonce === undefined || signature === undefined) return wrong;
  if (!signed) return badSignature(state);
  // The nonce is used up even if the rest of the call fails.
  return state.nonces.spend(nonce, clientId) ? client : invalidParams('nonce');
};

const tokenAnswer = (state: SimulatorState, { grant, pair }: Held, userid: string | number): Answer => {
  const person = state.people.find(grant.userid);
  const scopes = person === undefined ? grant.scopes : effectiveScopes(grant.scopes, person);
  const body: TokenBody = {
    userid,
    access_token: pair.accessToken,
    refresh_token: pair.refreshToken,
    scope: scopes.join(','),
    expires_in: ACCESS_TOKEN_LIFETIME_SECONDS,
    token_type: 'Bearer',
  };
  return success(body);
};

const exchangeCode = (state: SimulatorState, call: Call, client: Client): Answer => {
  const code = state.codes.find(call.fields['code'] ?? '');
  if (code === undefined || code.clientId !== client.clientId || !state.codes.live(code)) {
    return invalidParams('code');
  }
  code.used = true;
  if (call.fields['redirect_uri'] !== code.redirectUri) return invalidParams('redirect_uri');
  if (state.people.find(code.userid) === undefined) return invalidParams('code');
  const held = state.grants.issue({ clientId: client.clientId, userid: code.userid, scopes: code.scopes });
  if (state.settings.reconsentEndsSubscriptions) {
    const isOld = ({ clientId, userid }: { clientId: string; userid: number }) =>
      clientId === client.clientId && userid === code.userid;
    state.notifications.subscriptions.lose(isOld);
  }
  return tokenAnswer(state, held, String(code.userid));
};

const refresh = (state: SimulatorState, call: Call, client: Client): Answer => {
  const held = state.grants.byRefreshToken(call.fields['refresh_token'] ?? '');
  const live = held !== undefined && state.grants.refreshLive(held.pair);
  if (!live || held.grant.clientId !== client.clientId) return invalidParams('refresh_token');
  return tokenAnswer(state, state.grants.rotate(held.grant), held.grant.userid);
};

/**
 * Withings' FAQ has this text for a wrong grant type and for fields that are not in a form body. Its prefix differs
 * from the other errors'.
 */
const invalidGrantType = refusal(503, 'invalid_params: invalid grant_type');

const requestToken = (state: SimulatorState, call: Call, signed: boolean): Answer => {
  const grantType = call.fields['grant_type'];
  if (grantType !== 'authorization_code' && grantType !== 'refresh_token') return invalidGrantType;
  const client = authenticate(state, call, signed);
  if ('status' in client) return client;
  return grantType === 'refresh_token' ? refresh(state, call, client) : exchangeCode(state, call, client);
};

/** Ends every token that the client holds of the person, and is documented in the signed form only. */
const revoke = (state: SimulatorState, call: Call, signed: boolean): Answer => {
  const { client_secret: _, ...fields } = call.fields;
  const client = authenticate(state, { ...call, fields }, signed);
  if ('status' in client) return client;
  const userid = fields['userid'] ?? '';
  const person = /^\d+$/.test(userid) ? state.people.find(Number(userid)) : undefined;
  if (person === undefined) return invalidParams('userid');
  if (state.grants.withdraw(person.userid, client.clientId) === 0) return invalidParams('userid');
  state.notifications.accessEnded(person.userid, client.clientId);
  return success({});
};

/** `/v2/oauth2`. `signed`: the call's signature was checked and is right. */
export const oauth2 = (state: SimulatorState, call: Call, signed: boolean): Answer => {
  // Fields count in the form body only, so a GET has none; what it lacks first is a grant type.
  const sent = call.method === 'POST' ? call : { ...call, fields: {} };
  switch (call.action) {
    case 'requesttoken':
      return requestToken(state, sent, signed);
    case 'revoke':
      return revoke(state, sent, signed);
    case undefined:
      // A JSON body: not even the action is found.
      return invalidGrantType;
    default:
      return notImplemented;
  }
};

/**
 * A client for the Withings API. It sends and judges; it never refreshes, stores, retries or reads configuration.
 * Every call has a time limit and a byte limit, follows no redirect, and returns an `Outcome` instead of throwing.
 */
import { clientSecretPost, signedNonce, type Authenticate } from './authenticate.ts';
import { processMeasureResponse, type MeasurePage } from './measure.ts';
import { ok, type Outcome } from './outcome.ts';
import type { Secret } from './secret.ts';
import { createSender, urlBelow, type Answer, type Form, type Send } from './send.ts';
import { processRevokeResponse, processTokenResponse, type TokenGrant } from './token.ts';
import { AUTHORIZE_PATH, MEASURE_PATH, OAUTH2_PATH } from './wire.ts';

export type WithingsConfig = {
  /** Where calls go: `https://wbsapi.withings.net`. */
  apiBaseUrl: string;
  /** Where browsers go: `https://account.withings.com`. */
  loginBaseUrl: string;
  clientId: string;
  clientSecret: Secret;
  timeoutMs: number;
  maxBodyBytes: number;
};

export type AuthorizeRequest = { state: string; redirectUri: string; scope: readonly string[] };

/** Either the date pair or `lastUpdateSeconds`, and the same again with `offset` for the next page. */
export type MeasureQuery = {
  accessToken: Secret;
  /** Unix seconds: groups created or modified after this. */
  lastUpdateSeconds?: number | undefined;
  /** Unix seconds: groups measured since this. */
  startDateSeconds?: number | undefined;
  /** Unix seconds: groups measured until this. */
  endDateSeconds?: number | undefined;
  /** Measure types; all that the app may see when absent. */
  types?: readonly number[] | undefined;
  /** 1 measured, 2 goals; both when absent. */
  category?: number | undefined;
  /** `nextOffset` of the page before, never computed. */
  offset?: number | undefined;
};

export type WithingsClient = ReturnType<typeof createWithingsClient>;

/** Makes the client. `now` is in milliseconds since the epoch and dates the signed calls. */
export const createWithingsClient = (config: WithingsConfig, fetch: typeof globalThis.fetch, now: () => number) => {
  const send = createSender(config, fetch);
  const withSecret = clientSecretPost(config);
  const withSignature = signedNonce(config, send, now);

  const requestToken = async (fields: Form): Promise<Outcome<TokenGrant>> => {
    const answer = await callOauth2(send, withSecret, 'requesttoken', fields);
    return answer.ok ? processTokenResponse(answer.value) : answer;
  };

  return {
    /** The consent page to send a browser to. Withings separates scopes with commas, unlike RFC 6749. */
    authorizeUrl: (request: AuthorizeRequest): string => authorizeUrl(config, request),

    /**
     * Exchanges a code, which lives 30 seconds and works once, under the redirect URI of its authorization.
     * Never repeat it with the same code, in doubt or not: the person starts again instead.
     */
    exchangeCode: async (request: { code: Secret; redirectUri: string }): Promise<Outcome<TokenGrant>> =>
      requestToken({
        grant_type: 'authorization_code',
        code: request.code,
        redirect_uri: request.redirectUri,
      }),

    /**
     * Trades a refresh token for a new pair. The old one lives 8 hours more, or until the new access token is first
     * used: store the new pair before that. A `timeout`, like every failure `inDoubt`, does not mean that nothing
     * happened: the rotation may be done and its answer lost, so refresh again within those 8 hours.
     */
    refreshTokens: async (request: { refreshToken: Secret }): Promise<Outcome<TokenGrant>> =>
      requestToken({ grant_type: 'refresh_token', refresh_token: request.refreshToken }),

    /**
     * Whether Withings accepts this client's id and secret: asks for a nonce, which is granted to a right signature alone. For telling a
     * token that is dead from credentials that are wrong. `client_rejected` where they are.
     */
    proveClient: async (): Promise<Outcome<void>> => {
      const proof = await withSignature('requesttoken');
      return proof.ok ? ok(undefined) : proof;
    },

    /** One page of measurement groups; needs the scope `user.metrics`. */
    measureGroups: async (query: MeasureQuery): Promise<Outcome<MeasurePage>> => {
      const answer = await send(MEASURE_PATH, getmeasForm(query), query.accessToken);
      return answer.ok ? processMeasureResponse(answer.value) : answer;
    },

    /**
     * Ends this client's access to a person, whichever connection it was obtained by: all their tokens die. Two
     * calls: a nonce, then the revocation. `unless` is asked between them; if it says so, nothing is revoked, which is no failure.
     */
    revoke: async (request: { withingsUserId: string; unless?: () => Promise<boolean> }): Promise<Outcome<void>> => {
      const credentials = await withSignature('revoke');
      if (!credentials.ok) return credentials;
      if (await request.unless?.()) return ok(undefined);
      const form = { action: 'revoke', ...credentials.value, userid: request.withingsUserId };
      const answer = await send(OAUTH2_PATH, form);
      return answer.ok ? processRevokeResponse(answer.value) : answer;
    },
  };
};

const authorizeUrl = (config: WithingsConfig, request: AuthorizeRequest): string => {
  const url = urlBelow(config.loginBaseUrl, AUTHORIZE_PATH);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: config.clientId,
    scope: request.scope.join(','),
    redirect_uri: request.redirectUri,
    state: request.state,
  }).toString();
  return url.href;
};

const callOauth2 = async (
  send: Send,
  authenticate: Authenticate,
  action: string,
  fields: Form,
): Promise<Outcome<Answer>> => {
  const credentials = await authenticate(action);
  if (!credentials.ok) return credentials;
  return send(OAUTH2_PATH, { action, ...credentials.value, ...fields });
};

const getmeasForm = (query: MeasureQuery): Record<string, string> => {
  const form: Record<string, string> = { action: 'getmeas' };
  if (query.lastUpdateSeconds !== undefined) form['lastupdate'] = String(query.lastUpdateSeconds);
  if (query.startDateSeconds !== undefined) form['startdate'] = String(query.startDateSeconds);
  if (query.endDateSeconds !== undefined) form['enddate'] = String(query.endDateSeconds);
  if (query.types !== undefined) form['meastypes'] = query.types.join(',');
  if (query.category !== undefined) form['category'] = String(query.category);
  if (query.offset !== undefined) form['offset'] = String(query.offset);
  return form;
};

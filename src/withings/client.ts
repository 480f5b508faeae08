import { clientSecretPost, signedNonce, type Authenticate } from './authenticate.ts';
/**
 * A client for the Withings API. It sends requests and validates answers. It never refreshes, stores, retries or reads
 * configuration. Every call has a time limit and a byte limit, follows no redirect, and returns an `Outcome` instead of
 * throwing.
 */
import { authorizeUrl, type AuthorizeRequest } from './authorize.ts';
import { processMeasureResponse, type MeasurePage, type Part } from './measure.ts';
import {
  processListResponse,
  processSubscribeResponse,
  processUnsubscribeResponse,
  type Subscription,
} from './notify.ts';
import { ok, type Outcome } from './outcome.ts';
import type { Secret } from './secret.ts';
import { createSender, type Answer, type Form, type Send } from './send.ts';
import { processRevokeResponse, processTokenResponse, type TokenGrant } from './token.ts';
import { MEASURE_PATH, NOTIFY_PATH, OAUTH2_PATH } from './wire.ts';

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

/** Either the date pair or `lastUpdateSeconds`. The next page takes the same values and an `offset`. */
export type MeasureQuery = {
  accessToken: Secret;
  /** Unix seconds: groups created or modified after this. */
  lastUpdateSeconds?: number | undefined;
  /** Unix seconds: groups measured since this. */
  startDateSeconds?: number | undefined;
  /** Unix seconds: groups measured until this. */
  endDateSeconds?: number | undefined;
  /** Measure types; if absent, all that the scope allows. */
  types?: readonly number[] | undefined;
  /** `nextOffset` of the previous page, never computed. */
  offset?: number | undefined;
  /** How many groups of the answer to read; all of them if absent. */
  part?: Part | undefined;
};

/** One subscription: a callback URL, which holds a secret, and a kind of data (`appli`). */
export type SubscriptionQuery = { accessToken: Secret; callbackUrl: Secret; appli: number };

export type WithingsClient = ReturnType<typeof createWithingsClient>;

/** Creates the client. `now` is in milliseconds since the epoch and dates the signed calls. */
export const createWithingsClient = (config: WithingsConfig, fetch: typeof globalThis.fetch, now: () => number) => {
  const send = createSender(config, fetch);
  const withSecret = clientSecretPost(config);
  const withSignature = signedNonce(config, send, now);

  return {
    /** The consent page to send a browser to. Withings separates scopes with commas, unlike RFC 6749. */
    authorizeUrl: (request: AuthorizeRequest): string => authorizeUrl(config, request),

    ...tokenActions(send, withSecret),

    /**
     * Whether Withings accepts this client's id and secret: asks for a nonce, which Withings gives only for a valid
     * signature. This distinguishes a dead token from wrong credentials, for which it fails with `client_rejected`.
     */
    proveClient: async (): Promise<Outcome<void>> => {
      const proof = await withSignature('requesttoken');
      return proof.ok ? ok(undefined) : proof;
    },

    /** One page of measurement groups; needs the scope `user.metrics`. */
    measureGroups: async (query: MeasureQuery): Promise<Outcome<MeasurePage>> => {
      const answer = await send(MEASURE_PATH, getmeasForm(query), query.accessToken);
      return answer.ok ? processMeasureResponse(answer.value, query.part) : answer;
    },

    /**
     * Ends this client's access to a person. All their tokens die, also those of other connections. Two calls: a nonce,
     * then the revocation. `unless` is asked between them; if it answers true, nothing is revoked, and that is no
     * failure.
     */
    revoke: async (request: { withingsUserId: string; unless?: () => Promise<boolean> }): Promise<Outcome<void>> => {
      const credentials = await withSignature('revoke');
      if (!credentials.ok) return credentials;
      if (await request.unless?.()) return ok(undefined);
      const form = { action: 'revoke', ...credentials.value, userid: request.withingsUserId };
      const answer = await send(OAUTH2_PATH, form);
      return answer.ok ? processRevokeResponse(answer.value) : answer;
    },

    ...notifyActions(send),
  };
};

const tokenActions = (send: Send, withSecret: ReturnType<typeof clientSecretPost>) => {
  const requestToken = async (fields: Form): Promise<Outcome<TokenGrant>> => {
    const answer = await callOauth2(send, withSecret, 'requesttoken', fields);
    return answer.ok ? processTokenResponse(answer.value) : answer;
  };

  return {
    /**
     * Exchanges a code, which lives 30 seconds and works once, under the redirect URI of its authorization. Never
     * repeat it with the same code, even if in doubt: the user starts again instead.
     */
    exchangeCode: async (request: { code: Secret; redirectUri: string }): Promise<Outcome<TokenGrant>> =>
      requestToken({
        grant_type: 'authorization_code',
        code: request.code,
        redirect_uri: request.redirectUri,
      }),

    /**
     * Exchanges a refresh token for a new pair. The old one lives 8 hours more, or until the new access token is first
     * used, so store the new pair before that. A failure that is `inDoubt`, such as `timeout`, may have rotated the
     * token: its answer is lost. Refresh again within those 8 hours.
     */
    refreshTokens: async (request: { refreshToken: Secret }): Promise<Outcome<TokenGrant>> =>
      requestToken({ grant_type: 'refresh_token', refresh_token: request.refreshToken }),
  };
};

/** The actions of `/notify`. Withings wants some seconds between two of one person. */
const notifyActions = (send: Send) => {
  const callNotify = async <Value>(
    form: Form,
    accessToken: Secret,
    process: (answer: Answer) => Outcome<Value>,
  ): Promise<Outcome<Value>> => {
    const answer = await send(NOTIFY_PATH, form, accessToken);
    return answer.ok ? process(answer.value) : answer;
  };

  return {
    /** All of a person's subscriptions. The same may be in it more than once. */
    listSubscriptions: async (request: { accessToken: Secret }): Promise<Outcome<Subscription[]>> =>
      callNotify({ action: 'list' }, request.accessToken, processListResponse),

    /**
     * Subscribes a callback to one kind of data of a person. Withings sends it a HEAD before it answers. Ask for the
     * list before: whether the same subscription is made twice is not certain.
     */
    subscribe: async ({ accessToken, callbackUrl, appli }: SubscriptionQuery): Promise<Outcome<void>> => {
      const form = { action: 'subscribe', callbackurl: callbackUrl, appli: String(appli) };
      return callNotify(form, accessToken, processSubscribeResponse);
    },

    /**
     * Ends the subscription of a callback to one kind of data. Without `appli` it asks for all of the callback; the
     * reference says that this ends every notification of the person.
     */
    revokeSubscription: async (
      request: Omit<SubscriptionQuery, 'appli'> & { appli?: number },
    ): Promise<Outcome<void>> => {
      const form: Form = { action: 'revoke', callbackurl: request.callbackUrl };
      if (request.appli !== undefined) form['appli'] = String(request.appli);
      return callNotify(form, request.accessToken, processUnsubscribeResponse);
    },
  };
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
  if (query.offset !== undefined) form['offset'] = String(query.offset);
  return form;
};

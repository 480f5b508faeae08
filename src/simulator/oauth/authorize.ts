import { effectiveScopes, type Person } from '../people/people.ts';
import type { SimulatorState } from '../state.ts';
import type { Client } from './client.ts';
import { allowsRedirect } from './client.ts';

const knownScopes = new Set(['user.info', 'user.metrics', 'user.activity', 'user.sleepevents']);

/** What the client asks the person for. */
export type AuthorizationRequest = {
  client: Client;
  redirectUri: string;
  scopes: string[];
  state: string | undefined;
  /** `mode=demo`: the shared demo account answers instead of the person. */
  demo: boolean;
};

type AuthorizationCheck =
  | { kind: 'unknown_client' }
  | { kind: 'redirect_uri_mismatch' }
  | { kind: 'redirect'; location: string }
  | { kind: 'ask'; request: AuthorizationRequest };

/** The redirect_uri as given, with the parameters appended in this order; undefined values are omitted. */
const returnTo = (redirectUri: string, params: Record<string, string | undefined>): string => {
  const present = Object.entries(params).filter((param): param is [string, string] => param[1] !== undefined);
  if (present.length === 0) return redirectUri;
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${new URLSearchParams(present).toString()}`;
};

/**
 * Validates the query of authorize2 (Withings guide "OAuth authorization URL"). Of a repeated parameter the last
 * counts.
 */
export const checkAuthorization = (state: SimulatorState, query: URLSearchParams): AuthorizationCheck => {
  const params: Record<string, string | undefined> = Object.fromEntries(query);
  const client = state.clients.get(params['client_id'] ?? '');
  if (client === undefined) return { kind: 'unknown_client' };
  const redirectUri = params['redirect_uri'] ?? '';
  if (!allowsRedirect(client, redirectUri)) return { kind: 'redirect_uri_mismatch' };

  const refused = (error: string, description: string): AuthorizationCheck => ({
    kind: 'redirect',
    location: returnTo(redirectUri, {
      error,
      error_description: description,
      state: params['state'],
    }),
  });
  if (params['response_type'] !== 'code') return refused('invalid_request', 'Invalid or missing response type');
  const scopes = (params['scope'] ?? '').split(',');
  if (!scopes.every((scope) => knownScopes.has(scope))) {
    return refused('invalid_scope', 'An unsupported scope was requested');
  }
  if (params['state'] === undefined && state.settings.missingState === 'refuse') {
    return refused('invalid_request', 'The state parameter is required');
  }
  const demo = params['mode'] === 'demo';
  const unique = [...new Set(scopes)];
  return { kind: 'ask', request: { client, redirectUri, scopes: unique, state: params['state'], demo } };
};

/** Where the browser goes after the person allowed: `code`, then `state`. */
export const allow = (state: SimulatorState, request: AuthorizationRequest, person: Person): string => {
  const code = state.codes.issue({
    clientId: request.client.clientId,
    redirectUri: request.redirectUri,
    userid: person.userid,
    scopes: effectiveScopes(request.scopes, person),
  });
  return returnTo(request.redirectUri, { code, state: request.state });
};

/** Where the browser goes after the person denied. */
export const deny = (state: SimulatorState, request: AuthorizationRequest): string => {
  const error =
    state.settings.denial === 'state_only'
      ? {}
      : {
          error: 'access_denied',
          error_description: 'The user denied access to your application',
        };
  return returnTo(request.redirectUri, { ...error, state: request.state });
};

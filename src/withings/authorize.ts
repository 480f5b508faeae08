import { urlBelow } from './send.ts';
import { AUTHORIZE_PATH, LOGOUT_PATH } from './wire.ts';

export type AuthorizeRequest = {
  state: string;
  redirectUri: string;
  scope: readonly string[];
  /** Whether the browser is signed out of Withings first, so that another person can sign in. */
  switchAccount?: boolean;
  /** Whether Withings' shared demo account answers, instead of the person who is signed in. */
  demo?: boolean;
};

/** The consent page, or the log-out that leads to it. */
export const authorizeUrl = (config: { loginBaseUrl: string; clientId: string }, request: AuthorizeRequest): string => {
  const url = urlBelow(config.loginBaseUrl, AUTHORIZE_PATH);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: config.clientId,
    scope: request.scope.join(','),
    redirect_uri: request.redirectUri,
    state: request.state,
    ...(request.demo === true && { mode: 'demo' }),
  }).toString();
  if (request.switchAccount !== true) return url.href;
  const logout = urlBelow(config.loginBaseUrl, LOGOUT_PATH);
  logout.search = new URLSearchParams({ r: url.href }).toString();
  return logout.href;
};

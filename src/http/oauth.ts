import { Hono } from 'hono';

import { finishLink } from '../broker/link/finish-link.ts';
import { type LinkRequest, startLink } from '../broker/link/start-link.ts';
import { asAppId } from '../domain/app-id.ts';
import type { Failure } from '../domain/failure.ts';
import { fail, ok, type Result } from '../domain/result.ts';
import { secret } from '../domain/secret.ts';
import { mayAddressPass } from './caller-address.ts';
import type { HttpContext, HttpEnv } from './context.ts';
import { getHostCookie, setHostCookie } from './cookies.ts';
import { returnPage, withDoctype } from './document.ts';
import { endingPage } from './pages.tsx';
import { answerFailure } from './problem.ts';
import { publicUrl } from './public-url.ts';

/** The entry points of the connect flow, opened by the user's browser without a key. */
export const oauth = new Hono<HttpEnv>();

const BINDING_COOKIE = 'mushu_link';

const AUTH_PATH = '/apps/:app_id/withings/auth';
const CALLBACK_PATH = '/withings/callback';

/** Whether a request starts a link. */
export const startsLink = ({ method, url }: Request): boolean =>
  method === 'GET' && /^\/apps\/[^/]+\/withings\/auth$/.test(new URL(url).pathname);

/** The platform's rate limits count by the minute. */
const TOO_OFTEN = { kind: 'rate_limited', retryAfterSeconds: 60 } as const;

/**
 * `GET /apps/{app_id}/withings/auth?user_id&redirect_uri`, or `?session` from a connect session: 302 to Withings. An
 * unregistered redirect URI gets 400, never a redirect (RFC 6749, 3.1.2.4).
 */
oauth.get(AUTH_PATH, async (c) => {
  const deps = c.get('deps');
  const link = wantedLink(c);
  if (!link.ok) return answerFailure(c, link.failure);
  const endsOnPage = wantsChoice(new URL(c.req.url).searchParams, 'ending', 'page');
  if (!endsOnPage.ok) return answerFailure(c, endsOnPage.failure);
  if (!(await mayAddressPass(c, 'auth'))) return answerFailure(c, TOO_OFTEN);
  const started = await startLink(deps, {
    appId: asAppId(c.req.param('app_id')),
    link: link.value,
    endsOnPage: endsOnPage.value,
    binding: getHostCookie(c, BINDING_COOKIE),
    callbackUrl: callbackUrl(c),
  });
  if (!started.ok) return answerFailure(c, started.failure);
  setHostCookie(c, BINDING_COOKIE, started.value.binding, {
    // Lax: the callback is a top-level navigation that comes from Withings' site.
    sameSite: 'Lax',
    maxAge: started.value.bindingSeconds,
  });
  return c.redirect(started.value.authorizeUrl, 302);
});

/**
 * `GET /withings/callback`: Withings redirects the browser here. 302 to the app, or the page that the link asked for.
 * Withings probes it with `HEAD` and a bare `GET`, which get 200 and change nothing.
 */
oauth.get(CALLBACK_PATH, async (c) => {
  const query = new URL(c.req.url).searchParams;
  if (c.req.method === 'HEAD' || query.size === 0) return c.text('Withings sends browsers here.');
  const [state, ...more] = query.getAll('state');
  if (state === undefined || more.length > 0) return answerFailure(c, { kind: 'state_invalid' });
  if (!(await mayAddressPass(c, 'callback'))) return answerFailure(c, TOO_OFTEN);
  const [code, ...otherCodes] = query.getAll('code');
  const finished = await finishLink(c.get('deps'), {
    state,
    // A refusal has no code. Nothing else in it is documented, so nothing else is read.
    code: code === undefined || otherCodes.length > 0 || query.has('error') ? undefined : secret(code),
    binding: getHostCookie(c, BINDING_COOKIE),
    callbackUrl: callbackUrl(c),
    mayWait: await mayAddressPass(c, 'link_wait'),
  });
  if (!finished.ok) return answerFailure(c, finished.failure);
  const { location, ending, onPage } = finished.value;
  if (onPage) return c.html(withDoctype(endingPage(location, ending)));
  c.header('Location', location);
  return c.html(withDoctype(returnPage(location)), 302);
});

/** Each parameter exactly once: with two, a check and a use could read different ones. */
const wantedLink = (c: HttpContext): Result<LinkRequest['link'], Failure> => {
  const query = new URL(c.req.url).searchParams;
  if (query.has('session')) {
    const session = singleParam(query, 'session');
    if (!session.ok) return session;
    const clash = ['user_id', 'redirect_uri', 'state', 'account'].find((name) => query.has(name));
    return clash === undefined
      ? ok({ session: session.value })
      : fail({
          kind: 'invalid_parameter',
          parameter: clash,
          detail: 'The connect session names it already. Leave it out.',
        });
  }
  const userId = singleParam(query, 'user_id');
  if (!userId.ok) return userId;
  const redirectUri = singleParam(query, 'redirect_uri');
  if (!redirectUri.ok) return redirectUri;
  const switchAccount = wantsChoice(query, 'account', 'switch');
  if (!switchAccount.ok) return switchAccount;
  const link = { userId: userId.value, redirectUri: redirectUri.value, switchAccount: switchAccount.value };
  if (!query.has('state')) return ok(link);
  const appState = singleParam(query, 'state');
  return appState.ok ? ok({ ...link, appState: appState.value }) : appState;
};

/** Whether a parameter with one permitted value was sent. */
const wantsChoice = (query: URLSearchParams, parameter: string, choice: string): Result<boolean, Failure> => {
  if (!query.has(parameter)) return ok(false);
  const sent = singleParam(query, parameter);
  if (!sent.ok || sent.value === choice) return sent.ok ? ok(true) : sent;
  return fail({ kind: 'invalid_parameter', parameter, detail: `Send \`${choice}\`, or leave it out.` });
};

const singleParam = (query: URLSearchParams, parameter: string): Result<string, Failure> => {
  const [value, ...more] = query.getAll(parameter);
  if (value !== undefined && more.length === 0) return ok(value);
  const detail = value === undefined ? 'Missing. Send it once, percent-encoded.' : 'Sent more than once. Send it once.';
  return fail({ kind: 'invalid_parameter', parameter, detail });
};

/** The callback as registered at Withings: on the host that the request came to. */
const callbackUrl = (c: HttpContext): string => publicUrl(c) + CALLBACK_PATH;

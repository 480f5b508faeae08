import { Hono, type Context } from 'hono';

import { AUTHORIZE_PATH, LOGOUT_PATH } from '../withings/wire.ts';
import { jsonResponse, phpJson } from './api/answer.ts';
import { describeCall } from './api/call-log.ts';
import { readCall } from './api/call.ts';
import { handleApiCall } from './api/handle-call.ts';
import { controlApp } from './control/control.ts';
import { frontPage, weighIn } from './front-page.ts';
import { allow, checkAuthorization, deny, type AuthorizationRequest } from './oauth/authorize.ts';
import { consentPage, errorPage } from './oauth/consent-page.ts';
import type { Person } from './people/people.ts';
import type { SimulatorState } from './state.ts';

const redirectUriMismatch = {
  errors: [
    {
      message: 'redirect_uri_mismatch: The redirect URI provided is missing or does not match partner callback url',
    },
  ],
};

const offeredPeople = (state: SimulatorState, demo: boolean): Person[] =>
  demo ? [state.demoAccount] : state.people.list().filter((person) => person !== state.demoAccount);

type Decision = { request: AuthorizationRequest; person: string | undefined; decision: string | undefined };

/** The URL that the decision leads to; null if the form has a value that the page does not offer. */
const decided = (state: SimulatorState, { request, person: chosen, decision }: Decision): string | null => {
  if (decision === 'deny') return deny(state, request);
  if (decision !== 'allow') return null;
  const person = request.demo
    ? state.demoAccount
    : offeredPeople(state, false).find(({ id, userid }) => id === chosen || String(userid) === chosen);
  return person === undefined ? null : allow(state, request, person);
};

const authorize = async (state: SimulatorState, c: Context, form: Record<string, string>): Promise<Response> => {
  const check = checkAuthorization(state, new URL(c.req.url).searchParams);
  if (check.kind === 'unknown_client') {
    return c.html(errorPage('No app has this client_id: it is missing or unknown.'), 400);
  }
  if (check.kind === 'redirect_uri_mismatch') return jsonResponse(phpJson(redirectUriMismatch), 400);
  if (check.kind === 'redirect') return c.redirect(check.location, 302);
  const { request } = check;
  if (c.req.method !== 'POST') return c.html(consentPage(request, offeredPeople(state, request.demo)));
  const location = decided(state, { request, person: form['person'], decision: form['decision'] });
  if (location !== null) return c.redirect(location, 302);
  return c.html(errorPage('Choose one of the people, and Allow or Deny.'), 400);
};

const authorizeAndRecord = async (state: SimulatorState, c: Context): Promise<Response> => {
  const call = await readCall(c.req.raw);
  const form = c.req.method === 'POST' ? call.fields : {};
  const fields = { ...Object.fromEntries(new URL(c.req.url).searchParams), ...form };
  const description = await describeCall({ ...call, action: undefined, fields });
  const response = await authorize(state, c, form);
  state.calls.add(state.clock.now(), description, {
    clientId: fields['client_id'] ?? null,
    person: fields['person'] === undefined ? null : (state.people.find(fields['person'])?.id ?? null),
    status: null,
    httpStatus: response.status,
    fault: null,
  });
  return response;
};

/** Signs the browser out, and sends it on to Withings' own consent page and nowhere else. */
const logOut = (state: SimulatorState, c: Context): Response | Promise<Response> => {
  const next = c.req.query('r') ?? '';
  const url = URL.canParse(next) ? new URL(next) : undefined;
  if (url?.pathname !== AUTHORIZE_PATH || checkAuthorization(state, url.searchParams).kind === 'unknown_client') {
    return c.html(errorPage('The log-out has no address to go on to.'), 400);
  }
  return c.redirect(next, 302);
};

/** Both of Withings' hosts on one origin, and `/_control`. */
export const createApp = (state: SimulatorState): Hono => {
  const app = new Hono();
  app.use(async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
    if (c.res.headers.get('content-type')?.startsWith('text/html')) {
      c.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
    }
  });
  app.get('/', (c) => c.html(frontPage(offeredPeople(state, false))));
  app.post('/weigh-ins/:person', (c) => weighIn(state, c));
  app.get('/favicon.ico', (c) => c.body(null, 404));
  app.route('/_control', controlApp(state));
  app.on(['GET', 'POST'], AUTHORIZE_PATH, (c) => authorizeAndRecord(state, c));
  app.get(LOGOUT_PATH, (c) => logOut(state, c));
  app.all('*', (c) => handleApiCall(state, c.req.raw));
  // Faults that break the connection, and bugs, must reach the caller as rejections.
  app.onError((error) => {
    throw error;
  });
  return app;
};

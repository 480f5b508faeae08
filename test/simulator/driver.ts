import type { Outgoing } from '../../src/simulator/notify/callbacks.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import {
  AUTHORIZE_PATH,
  MEASURE_PATH,
  NOTIFY_PATH,
  OAUTH2_PATH,
  SIGNATURE_PATH,
  type GetmeasBody,
  type MeasureGroup,
  type NotifyProfile,
  type TokenBody,
} from '../../src/withings/wire.ts';

export const app = {
  clientId: 'c'.repeat(64),
  clientSecret: '5'.repeat(64),
  name: 'Womoji',
  redirectUris: ['https://broker.example/withings/callback'],
};
export const redirectUri = 'https://broker.example/withings/callback';
export const otherApp = { ...app, clientId: 'd'.repeat(64), clientSecret: '6'.repeat(64), name: 'Other' };

/** 2026-03-10T09:00:00Z */
export const START_SECONDS = 1_773_133_200;

/** A simulator whose clock stands still at START_SECONDS until it is moved. */
export const standingSimulator = (options: SimulatorOptions = {}): Simulator =>
  createSimulator({ now: () => START_SECONDS * 1000, clients: [app, otherApp], ...options });

export const advanceSeconds = (simulator: Simulator, seconds: number): void =>
  simulator.state.clock.advance(seconds * 1000);

export type Answered<Body> = { status: number; body: Body; error?: string };

const accountUrl = 'https://account.withings.com';
const apiUrl = 'https://wbsapi.withings.net';

export const authorizeUrl = (params: Record<string, string | null> = {}): string => {
  const query = new URLSearchParams();
  const all = {
    response_type: 'code',
    client_id: app.clientId,
    scope: 'user.metrics',
    redirect_uri: redirectUri,
    state: 'a state',
    ...params,
  };
  for (const [name, value] of Object.entries(all)) if (value !== null) query.set(name, value);
  return `${accountUrl}${AUTHORIZE_PATH}?${query.toString()}`;
};

export const form = (fields: Record<string, string>): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams(fields),
});

export const decide = (
  simulator: Simulator,
  fields: Record<string, string>,
  params: Record<string, string | null> = {},
): Promise<Response> => simulator.fetch(authorizeUrl(params), form(fields));

/** Where the browser is sent after the decision. */
export const locationOf = (response: Response): URL => {
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no Location in a ${response.status}`);
  return new URL(location);
};

export const codeFor = async (
  simulator: Simulator,
  person = 'nora',
  params: Record<string, string | null> = {},
): Promise<string> => {
  const location = locationOf(await decide(simulator, { person, decision: 'allow' }, params));
  const code = location.searchParams.get('code');
  if (code === null) throw new Error(`no code in ${location.href}`);
  return code;
};

/** What came back from the API host, whatever its body's type is claimed to be. */
const post = async <Body>(
  simulator: Simulator,
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answered<Body>> => {
  const response = await simulator.fetch(`${apiUrl}${path}`, { ...form(fields), headers });
  return response.json();
};

export const requestToken = (simulator: Simulator, fields: Record<string, string>) =>
  post<TokenBody>(simulator, OAUTH2_PATH, {
    action: 'requesttoken',
    client_id: app.clientId,
    client_secret: app.clientSecret,
    ...fields,
  });

export const exchange = (simulator: Simulator, code: string, fields: Record<string, string> = {}) =>
  requestToken(simulator, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    ...fields,
  });

export const refresh = (simulator: Simulator, refreshToken: string, fields: Record<string, string> = {}) =>
  requestToken(simulator, { grant_type: 'refresh_token', refresh_token: refreshToken, ...fields });

/** Consents as the person and exchanges the code. */
export const connect = async (
  simulator: Simulator,
  person = 'nora',
  params: Record<string, string | null> = {},
): Promise<TokenBody> => {
  const { status, body, error } = await exchange(simulator, await codeFor(simulator, person, params));
  if (status !== 0) throw new Error(`the exchange failed: ${status} ${error}`);
  return body;
};

export const getmeas = (simulator: Simulator, accessToken: string, fields: Record<string, string> = {}) =>
  post<GetmeasBody>(
    simulator,
    MEASURE_PATH,
    { action: 'getmeas', ...fields },
    { authorization: `Bearer ${accessToken}` },
  );

export const notify = <Body = { profiles: NotifyProfile[] }>(
  simulator: Simulator,
  accessToken: string,
  fields: Record<string, string>,
) => post<Body>(simulator, NOTIFY_PATH, fields, { authorization: `Bearer ${accessToken}` });

export const callbackurl = 'https://broker.example/withings/notify/5ec2e7';

/** What reached a callback: the method, and what a form held. */
export type Reached = { method: string; url: string; fields: Record<string, string> };

/**
 * A callback that answers with the given status, or breaks the connection if there is none, and what has reached it.
 */
export const callback = (answers: (request: Reached) => number | undefined = () => 200) => {
  const reached: Reached[] = [];
  const outgoing: Outgoing = async (input, init) => {
    const request = new Request(input, init);
    const form = new URLSearchParams(await request.text());
    const one = { method: request.method, url: request.url, fields: Object.fromEntries(form) };
    reached.push(one);
    const status = answers(one);
    if (status === undefined) throw new TypeError('fetch failed');
    return new Response(null, { status });
  };
  /** The pushes among it: an empty one is part of subscribing. */
  const pushes = () => reached.filter(({ fields }) => 'userid' in fields).map(({ fields }) => fields);
  return { outgoing, reached, pushes };
};

/** Subscribes the person's kinds of data, with the pause that Withings wants. */
export const subscribe = async (simulator: Simulator, accessToken: string, ...applis: number[]): Promise<void> => {
  for (const appli of applis) {
    advanceSeconds(simulator, 5);
    const { status, error } = await notify(simulator, accessToken, {
      action: 'subscribe',
      callbackurl,
      appli: String(appli),
    });
    if (status !== 0) throw new Error(`not subscribed: ${status} ${error}`);
  }
};

export const signature = (simulator: Simulator, fields: Record<string, string>) =>
  post<{ nonce: string }>(simulator, SIGNATURE_PATH, fields);

export const oauth2 = (simulator: Simulator, fields: Record<string, string>) =>
  post<TokenBody>(simulator, OAUTH2_PATH, fields);

/** A control call; the parsed JSON, or null if there is none. */
export const control = async (
  simulator: Simulator,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ httpStatus: number; json: Record<string, unknown> }> => {
  const response = await simulator.fetch(`http://simulator.localhost/_control${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await response.text();
  return { httpStatus: response.status, json: text === '' ? {} : JSON.parse(text) };
};

export const personOf = (simulator: Simulator, id: string) => {
  const person = simulator.state.people.find(id);
  if (person === undefined) throw new Error(`no ${id}`);
  return person;
};

/** All pages, read as a client does. */
export const allPages = async (simulator: Simulator, token: string, fields: Record<string, string> = {}) => {
  const groups: MeasureGroup[] = [];
  const pages: { more: unknown; offset: unknown }[] = [];
  for (let offset: number | undefined; ;) {
    const { status, body } = await getmeas(simulator, token, {
      ...fields,
      ...(offset === undefined ? {} : { offset: String(offset) }),
    });
    if (status !== 0) throw new Error(`status ${status}`);
    groups.push(...body.measuregrps);
    pages.push({ more: body.more, offset: body.offset });
    if (!body.more) return { groups, pages };
    offset = body.offset;
  }
};

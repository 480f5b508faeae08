import { beforeAll, expect, test } from 'vitest';

import { authPath, type Broker, consent, makeApp, startBroker, type TestApp, WOMOJI } from '../support/broker.ts';

/** `account=switch`: a second person on one device gets to sign in at Withings. */

let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker();
  app = await makeApp(broker);
});

/** Follows a link through Withings' log-out; the consent page that it ends on, and the browser's cookies. */
const throughLogOut = async (path: string): Promise<{ authorizeUrl: string; cookies: string }> => {
  const started = await broker.request(path);
  const logOut = new URL(started.headers.get('Location') ?? '');
  expect(`${logOut.origin}${logOut.pathname}`).toBe('https://account.withings.com/logout');
  expect([...logOut.searchParams.keys()]).toEqual(['r']);
  const signedOut = await broker.simulator.fetch(logOut.href);
  expect(signedOut.status).toBe(302);
  const cookies = started.headers.getSetCookie().map((one) => one.split(';')[0]);
  return { authorizeUrl: signedOut.headers.get('Location') ?? '', cookies: cookies.join('; ') };
};

const ending = async ({ authorizeUrl, cookies }: Awaited<ReturnType<typeof throughLogOut>>) => {
  const callback = await consent(broker, authorizeUrl, 'nora');
  return (await broker.request(callback, { headers: { Cookie: cookies } })).headers.get('Location');
};

test('a link signs the browser out of Withings first, and connects', async () => {
  expect(await ending(await throughLogOut(`${authPath(app, 'ada')}&account=switch`))).toBe(WOMOJI);
});

test('so does a connect session that asks for it', async () => {
  const body = { user_id: 'bea', redirect_uri: WOMOJI, account: 'switch' };
  const minted = await app.call('POST', '/withings/connect-sessions', body);
  const { auth_url: url } = await minted.json<{ auth_url: string }>();
  expect(await ending(await throughLogOut(url))).toBe(WOMOJI);
  const clash = await broker.request(`${url}&account=switch`);
  expect(await clash.json()).toMatchObject({ code: 'invalid_parameter', detail: expect.stringMatching(/^account: /) });
});

test('without it the browser goes to the consent page at once, and no other value is taken', async () => {
  const started = await broker.request(authPath(app, 'ada'));
  expect(new URL(started.headers.get('Location') ?? '').pathname).toBe('/oauth2_user/authorize2');
  for (const value of ['', 'Switch', 'keep', 'switch&account=switch']) {
    const refused = await broker.request(`${authPath(app, 'ada')}&account=${value}`);
    expect(refused.status, value).toBe(400);
    expect(refused.headers.get('Location')).toBeNull();
  }
});

test('the simulated Withings signs out to its own consent page and nowhere else', async () => {
  for (const r of ['', 'https://evil.example/', 'https://account.withings.com/oauth2_user/authorize2?client_id=x']) {
    const answer = await broker.simulator.fetch(`https://account.withings.com/logout?r=${encodeURIComponent(r)}`);
    expect([answer.status, answer.headers.get('Location')], r).toEqual([400, null]);
  }
});

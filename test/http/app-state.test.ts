import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import {
  authPath,
  type Broker,
  consent,
  emptyTables,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WEB,
  WOMOJI,
} from '../support/broker.ts';

/** The app's own `state` (RFC 6749, 4.1.1): returned with every ending, and not read in between. */

const STATE = 'k=1&next=/home?a b#c ~"<';
let broker: Broker;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  app = await makeApp(broker);
});

const withState = (state: string, redirectUri = WOMOJI): string =>
  `${authPath(app, 'ada', redirectUri)}&state=${encodeURIComponent(state)}`;

/** Walks a link; where the browser ended. */
const walk = async (path: string, decision: 'allow' | 'deny' = 'allow'): Promise<string> => {
  const { authorizeUrl, cookies } = await openLink(broker, path);
  const callback = await consent(broker, authorizeUrl, 'nora', decision);
  const answer = await broker.request(callback, { headers: { Cookie: cookies } });
  return answer.headers.get('Location') ?? `${answer.status}`;
};
const returned = (location: string) => Object.fromEntries(new URL(location).searchParams);

describe('a state is refused before the browser goes to Withings', () => {
  test.each([
    ['empty', ''],
    ['longer than 512 characters', 'x'.repeat(513)],
    ['with a control character', 'a\nb'],
    ['that is not ASCII', 'é'],
  ])('%s', async (_, state) => {
    const answer = await broker.request(withState(state));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'invalid_parameter', detail: expect.stringMatching(/^state: /) });
    const minted = await app.call('POST', '/withings/connect-sessions', {
      user_id: 'ada',
      redirect_uri: WOMOJI,
      state,
    });
    expect(minted.status).toBe(400);
  });

  test('that is sent twice, or beside a connect session that may hold another', async () => {
    expect((await broker.request(`${withState('a')}&state=b`)).status).toBe(400);
    const url = await app.sessionLink('ada');
    expect((await broker.request(`${url}&state=b`)).status).toBe(400);
  });

  test('as a parameter of a registered URI, which then had it twice', async () => {
    const answer = await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: 'womoji://done?state=1' });
    expect(answer.status).toBe(422);
    const { code, detail } = await answer.json<{ code: string; detail: string }>();
    expect([code, detail]).toEqual(['redirect_uri_not_registrable', expect.stringContaining('Remove `state`')]);
  });
});

test('without a state, a success is the registered string and nothing else', async () => {
  expect(await walk(authPath(app, 'ada'))).toBe(WOMOJI);
});

test('nobody can read a state on its way through Withings', async () => {
  const { authorizeUrl } = await openLink(broker, withState('a-value-of-the-app'));
  const [, claims = ''] = (new URL(authorizeUrl).searchParams.get('state') ?? '').split('.');
  expect(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('a-value-of-the-app');
});

describe('the state comes back', () => {
  test.each([WOMOJI, WEB])('with a success at %s', async (redirectUri) => {
    const location = await walk(withState(STATE, redirectUri));
    expect(location.startsWith(`${redirectUri}?state=`)).toBe(true);
    expect(returned(location)).toEqual({ state: STATE });
  });

  test('of 512 characters', async () => {
    const longest = 'z'.repeat(512);
    expect(returned(await walk(withState(longest)))).toEqual({ state: longest });
  });

  test('with an error', async () => {
    expect(returned(await walk(withState(STATE), 'deny'))).toMatchObject({ error: 'access_denied', state: STATE });
  });

  test('with a ticket', async () => {
    await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm' });
    const parameters = returned(await walk(withState(STATE)));
    expect(Object.keys(parameters)).toEqual(['ticket', 'state']);
    expect(parameters['state']).toBe(STATE);
  });

  test('when the link’s record is gone, and when the callback is opened twice', async () => {
    const { authorizeUrl, cookies } = await openLink(broker, withState(STATE));
    const callback = await consent(broker, authorizeUrl, 'nora');
    for (const { name } of (await env.LINKS.list()).keys) await env.LINKS.delete(name);
    for (let opened = 0; opened < 2; opened += 1) {
      const answer = await broker.request(callback, { headers: { Cookie: cookies } });
      expect(returned(answer.headers.get('Location') ?? '')).toMatchObject({
        error: 'temporarily_unavailable',
        state: STATE,
      });
    }
  });

  test('from a connect session', async () => {
    const body = { user_id: 'ada', redirect_uri: WOMOJI, state: STATE };
    const { auth_url: url } = await (
      await app.call('POST', '/withings/connect-sessions', body)
    ).json<{ auth_url: string }>();
    expect(returned(await walk(url))).toEqual({ state: STATE });
  });
});

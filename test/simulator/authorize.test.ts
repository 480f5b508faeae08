import { describe, expect, test } from 'vitest';

import {
  authorizeUrl,
  codeFor,
  connect,
  decide,
  exchange,
  locationOf,
  redirectUri,
  standingSimulator,
} from './driver.ts';

const mismatch =
  '{"errors":[{"message":"redirect_uri_mismatch: The redirect URI provided is missing or does not match partner callback url"}]}';

describe('the authorization request', () => {
  test.each([
    { name: 'an unknown client', params: { client_id: 'e'.repeat(64) } },
    { name: 'no client', params: { client_id: null } },
  ])('$name ends on an error page and is redirected nowhere', async ({ params }) => {
    const simulator = standingSimulator();
    const response = await simulator.fetch(authorizeUrl(params));
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.headers.get('location')).toBeNull();
  });

  test.each([
    { name: 'none', uri: null },
    { name: 'empty', uri: '' },
    { name: 'another host', uri: 'https://evil.example/withings/callback' },
    { name: 'a subdomain', uri: 'https://x.broker.example/withings/callback' },
    { name: 'another scheme', uri: 'http://broker.example/withings/callback' },
    { name: 'another port', uri: 'https://broker.example:8443/withings/callback' },
    { name: 'a path that only starts alike', uri: 'https://broker.example/withings/callbacks' },
    { name: 'a path that climbs out', uri: 'https://broker.example/withings/callback/../admin' },
    { name: 'an encoded climb', uri: 'https://broker.example/withings/callback/%2e%2e/admin' },
    { name: 'a shorter path', uri: 'https://broker.example/withings' },
    { name: 'the right host as user name', uri: 'https://broker.example@evil.example/withings/callback' },
    { name: 'a backslash', uri: 'https://broker.example\\@evil.example/withings/callback' },
    { name: 'a backslash in the path', uri: `${redirectUri}/x\\y` },
    { name: 'a fragment', uri: 'https://broker.example/withings/callback#x' },
    { name: 'a line break', uri: 'https://broker.example/withings/callback?\r\nx: y' },
    { name: 'a custom scheme', uri: 'womoji://withings/success' },
  ])('a redirect_uri that does not match ($name) gets the recorded JSON and no redirect', async ({ uri }) => {
    const simulator = standingSimulator();
    for (const init of [{}, { method: 'POST', body: new URLSearchParams({ person: 'nora', decision: 'allow' }) }]) {
      const response = await simulator.fetch(authorizeUrl({ redirect_uri: uri }), init);
      expect(response.status).toBe(400);
      expect(response.headers.get('location')).toBeNull();
      expect(await response.text()).toBe(mismatch);
    }
  });

  test.each([
    { name: 'a longer path', uri: `${redirectUri}/more` },
    { name: 'added arguments', uri: `${redirectUri}?args=value` },
    { name: 'the same', uri: redirectUri },
  ])('a redirect_uri below the registered one ($name) is accepted', async ({ uri }) => {
    const simulator = standingSimulator();
    const location = locationOf(await decide(simulator, { person: 'nora', decision: 'allow' }, { redirect_uri: uri }));
    expect(location.href.startsWith(uri)).toBe(true);
    expect(location.searchParams.get('code')).toMatch(/^[0-9a-f]{40}$/);
  });

  test('a registered query has to be kept, and a registered folder accepts what is in it', async () => {
    const client = {
      clientId: 'q',
      clientSecret: 's',
      name: 'Q',
      redirectUris: ['https://q.example/cb?src=w', 'https://folder.example/'],
    };
    const simulator = standingSimulator({ clients: [client] });
    const statusFor = async (uri: string) =>
      (await simulator.fetch(authorizeUrl({ client_id: 'q', redirect_uri: uri }))).status;
    expect(await statusFor('https://q.example/cb')).toBe(400);
    expect(await statusFor('https://q.example/cb?src=wx')).toBe(400);
    expect(await statusFor('https://q.example/cb?src=w&more=1')).toBe(200);
    expect(await statusFor('https://folder.example/relative_path?args=value')).toBe(200);
  });

  test.each([
    { name: 'response_type token', params: { response_type: 'token' }, error: 'invalid_request' },
    { name: 'no response_type', params: { response_type: null }, error: 'invalid_request' },
    { name: 'an unknown scope', params: { scope: 'user.metrics,user.secrets' }, error: 'invalid_scope' },
    { name: 'scopes parted by a space', params: { scope: 'user.info user.metrics' }, error: 'invalid_scope' },
    { name: 'no scope', params: { scope: null }, error: 'invalid_scope' },
  ])('$name goes back to the client as an error, with the state and without a code', async ({ params, error }) => {
    const simulator = standingSimulator();
    const location = locationOf(await simulator.fetch(authorizeUrl(params)));
    expect(location.searchParams.get('error')).toBe(error);
    expect(location.searchParams.get('state')).toBe('a state');
    expect(location.searchParams.get('code')).toBeNull();
  });

  test('a missing state is accepted and none returned, or refused where the setting says so', async () => {
    const simulator = standingSimulator();
    const accepted = locationOf(await decide(simulator, { person: 'nora', decision: 'allow' }, { state: null }));
    expect([...accepted.searchParams.keys()]).toEqual(['code']);
    simulator.state.settings.missingState = 'refuse';
    const refused = locationOf(await simulator.fetch(authorizeUrl({ state: null })));
    expect(refused.searchParams.get('error')).toBe('invalid_request');
  });
});

describe('the consent page', () => {
  test('offers the people by id, the first one chosen and with a height, and both buttons', async () => {
    const simulator = standingSimulator();
    const response = await simulator.fetch(authorizeUrl());
    const page = await response.text();
    expect(response.status).toBe(200);
    const ids = [...page.matchAll(/name="person"\s+value="([^"]+)"/g)].map((match) => match[1]);
    expect(ids.slice(0, 5)).toEqual(['nora', 'walter', 'ines', 'priya', 'kenji']);
    expect(ids).toHaveLength(15);
    expect(page).toMatch(/value="nora"\s+required\s+checked/);
    expect(page.match(/checked/g)?.length).toBe(2); // the radio and the style sheet's :checked
    expect([...page.matchAll(/name="decision" value="([^"]+)"/g)].map((match) => match[1])).toEqual(['allow', 'deny']);
    const first = simulator.state.people.find('nora');
    const types = first?.groups.all().flatMap((group) => group.measures.map(({ type }) => type));
    expect(types).toContain(4);
  });

  test('escapes what comes from the client and from people', async () => {
    const client = {
      clientId: 'x',
      clientSecret: 's',
      name: '<b>"Evil" & co</b>',
      redirectUris: [redirectUri],
    };
    const people = [{ id: 'x', userid: 1, name: '<script>alert(1)</script>', description: '"><img>', timezone: 'UTC' }];
    const simulator = standingSimulator({ clients: [client], people });
    const page = await (await simulator.fetch(authorizeUrl({ client_id: 'x', state: '"><script>' }))).text();
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('<img>');
    expect(page).not.toContain('<b>');
    expect(page).toContain('&lt;script&gt;');
  });

  test.each([
    { name: 'no decision', fields: { person: 'nora' } },
    { name: 'another decision', fields: { person: 'nora', decision: 'maybe' } },
    { name: 'no person', fields: { decision: 'allow' } },
    { name: 'an unknown person', fields: { person: 'nobody', decision: 'allow' } },
    {
      name: 'the demo account, which it does not offer',
      fields: { person: 'withings-demo', decision: 'allow' },
    },
  ])('a form with $name gets a page and no code', async ({ fields }) => {
    const simulator = standingSimulator();
    const response = await decide(simulator, fields);
    expect(response.status).toBe(400);
    expect(response.headers.get('location')).toBeNull();
  });

  test('denial sends error, description and state, in this order; or, switched, the state alone', async () => {
    const simulator = standingSimulator();
    const denied = await decide(simulator, { person: 'nora', decision: 'deny' });
    expect(denied.status).toBe(302);
    expect(denied.headers.get('location')).toBe(
      `${redirectUri}?error=access_denied&error_description=The+user+denied+access+to+your+application&state=a+state`,
    );
    simulator.state.settings.denial = 'state_only';
    const silent = await decide(simulator, { decision: 'deny' });
    expect(silent.headers.get('location')).toBe(`${redirectUri}?state=a+state`);
    expect(simulator.state.grants.all()).toEqual([]);
  });

  test('permission sends code and then state, unchanged, to the redirect_uri', async () => {
    const simulator = standingSimulator();
    const state = 'a+b/c==&d é';
    const response = await decide(simulator, { person: 'nora', decision: 'allow' }, { state });
    const location = locationOf(response);
    expect(response.status).toBe(302);
    expect([...location.searchParams.keys()]).toEqual(['code', 'state']);
    expect(location.searchParams.get('state')).toBe(state);
  });

  test('a person may be named by userid', async () => {
    const simulator = standingSimulator();
    const { body } = await exchange(simulator, await codeFor(simulator, '12870455'));
    expect(body.userid).toBe('12870455');
  });

  test('mode=demo authorizes the shared demo account, whoever was chosen', async () => {
    const simulator = standingSimulator();
    const page = await (await simulator.fetch(authorizeUrl({ mode: 'demo' }))).text();
    expect(page).toContain('value="withings-demo"');
    expect(page).not.toContain('value="nora"');
    const { userid } = await connect(simulator, 'nora', { mode: 'demo' });
    expect(userid).toBe(String(simulator.state.demoAccount.userid));
  });
});

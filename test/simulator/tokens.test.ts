import { describe, expect, test } from 'vitest';

import {
  advanceSeconds,
  app,
  authorizeUrl,
  codeFor,
  connect,
  exchange,
  form,
  getmeas,
  oauth2,
  otherApp,
  redirectUri,
  requestToken,
  standingSimulator,
} from './driver.ts';

const invalidCode = '{"status":503,"body":{},"error":"Invalid Params: invalid code"}';

const exchangeText = async (simulator: ReturnType<typeof standingSimulator>, code: string) => {
  const response = await simulator.fetch(
    'https://wbsapi.withings.net/v2/oauth2',
    form({
      action: 'requesttoken',
      grant_type: 'authorization_code',
      client_id: app.clientId,
      client_secret: app.clientSecret,
      code,
      redirect_uri: redirectUri,
    }),
  );
  return { httpStatus: response.status, text: await response.text() };
};

describe('the code exchange', () => {
  test('an unknown code gets the recorded 63 bytes, with HTTP 200', async () => {
    const { httpStatus, text } = await exchangeText(standingSimulator(), 'f'.repeat(40));
    expect(httpStatus).toBe(200);
    expect(text).toBe(invalidCode);
    expect(text).toHaveLength(63);
  });

  test('a code is spent by its first use; a replay is 601 within 10 s and invalid after, and harms no token', async () => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    const { body } = await exchange(simulator, code);
    expect((await exchange(simulator, code)).status).toBe(601);
    advanceSeconds(simulator, 11);
    expect((await exchange(simulator, code)).status).toBe(503);
    expect((await getmeas(simulator, body.access_token)).status).toBe(0);
    expect(simulator.state.grants.all()).toHaveLength(1);
  });

  test('two exchanges of one code at the same time issue one pair', async () => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    const answers = await Promise.all([
      exchange(simulator, code),
      exchange(simulator, code, { extra: 'so that the arguments differ' }),
    ]);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([0, 503]);
    expect(simulator.state.grants.all()).toHaveLength(1);
  });

  test('a code is dead at 30 seconds and alive just before', async () => {
    const simulator = standingSimulator();
    const dead = await codeFor(simulator);
    advanceSeconds(simulator, 30);
    expect((await exchange(simulator, dead)).error).toBe('Invalid Params: invalid code');
    const alive = await codeFor(simulator);
    advanceSeconds(simulator, 29.9);
    expect((await exchange(simulator, alive)).status).toBe(0);
  });

  test('a code is bound to its client', async () => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    const { error } = await exchange(simulator, code, {
      client_id: otherApp.clientId,
      client_secret: otherApp.clientSecret,
    });
    expect(error).toBe('Invalid Params: invalid code');
    expect(simulator.state.grants.all()).toEqual([]);
  });

  test.each([
    { name: 'another', fields: { redirect_uri: `${redirectUri}/` } },
    { name: 'an empty', fields: { redirect_uri: '' } },
  ])('$name redirect_uri than at authorize is refused and spends the code', async ({ fields }) => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    expect((await exchange(simulator, code, fields)).error).toBe('Invalid Params: invalid redirect_uri');
    expect((await exchange(simulator, code)).error).toBe('Invalid Params: invalid code');
  });

  test.each([
    { name: 'a wrong secret', fields: { client_secret: '7'.repeat(64) } },
    { name: "another client's secret", fields: { client_secret: otherApp.clientSecret } },
    { name: 'an unknown client', fields: { client_id: 'e'.repeat(64) } },
  ])('$name is refused with 503, or with 342 by the switch, and leaves the code alone', async ({ fields }) => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    expect((await exchange(simulator, code, fields)).status).toBe(503);
    simulator.state.settings.badCredentialsStatus = 342;
    expect((await exchange(simulator, code, { ...fields, again: '1' })).status).toBe(342);
    expect((await exchange(simulator, code)).status).toBe(0);
  });

  test('neither secret nor signature is refused', async () => {
    const simulator = standingSimulator();
    const fields = { action: 'requesttoken', grant_type: 'authorization_code', client_id: app.clientId };
    const { status } = await oauth2(simulator, {
      ...fields,
      code: await codeFor(simulator),
      redirect_uri: redirectUri,
    });
    expect(status).toBe(503);
  });

  test('no client id, a bad grant type and fields outside the form body are told as documented', async () => {
    const simulator = standingSimulator();
    const noClient = await oauth2(simulator, { action: 'requesttoken', grant_type: 'refresh_token' });
    expect(noClient.error).toMatch(/^Invalid_request: The client ID was not specified/);
    expect((await requestToken(simulator, { grant_type: 'password' })).error).toBe(
      'invalid_params: invalid grant_type',
    );

    const query = new URLSearchParams({
      action: 'requesttoken',
      grant_type: 'authorization_code',
      client_id: app.clientId,
      client_secret: app.clientSecret,
      code: await codeFor(simulator),
      redirect_uri: redirectUri,
    });
    const json = { body: JSON.stringify(Object.fromEntries(query)), headers: { 'content-type': 'application/json' } };
    for (const [search, init] of [
      [`?${query.toString()}`, { method: 'GET' }],
      [`?${query.toString()}`, { method: 'POST' }],
      ['?action=requesttoken', { method: 'POST', ...json }],
      ['', { method: 'POST', ...json }],
    ] as const) {
      const response = await simulator.fetch(`https://wbsapi.withings.net/v2/oauth2${search}`, init);
      expect(await response.text()).toBe('{"status":503,"body":{},"error":"invalid_params: invalid grant_type"}');
      advanceSeconds(simulator, 11);
    }
    expect(simulator.state.grants.all()).toEqual([]);
  });

  test('Basic authentication is not a way to prove a client', async () => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    const response = await simulator.fetch('https://wbsapi.withings.net/v2/oauth2', {
      ...form({ action: 'requesttoken', grant_type: 'authorization_code', code, redirect_uri: redirectUri }),
      headers: { authorization: `Basic ${btoa(`${app.clientId}:${app.clientSecret}`)}` },
    });
    expect(await response.json()).toMatchObject({ status: 503 });
  });

  test('a good code gives the recorded keys in the recorded order, the userid as a string', async () => {
    const simulator = standingSimulator();
    const { text } = await exchangeText(simulator, await codeFor(simulator));
    expect(text).toMatch(
      /^\{"status":0,"body":\{"userid":"38204117","access_token":"[0-9a-f]{40}","refresh_token":"[0-9a-f]{40}","scope":"user.metrics","expires_in":10800,"token_type":"Bearer"\}\}$/,
    );
  });

  test('the scope is what was granted: asked for, without what the person withholds', async () => {
    const simulator = standingSimulator();
    const nora = simulator.state.people.find('nora');
    if (nora !== undefined) nora.allowedScopes = ['user.info'];
    const { scope } = await connect(simulator, 'nora', { scope: 'user.info,user.metrics' });
    expect(scope).toBe('user.info');
    // What was not granted then is not granted later.
    if (nora !== undefined) nora.allowedScopes = null;
    expect(simulator.state.grants.all()[0]?.scopes).toEqual(['user.info']);
  });
});

test('unknown actions, paths and methods of the API are not implemented', async () => {
  const simulator = standingSimulator();
  const { access_token: token } = await connect(simulator);
  const headers = { authorization: `Bearer ${token}` };
  for (const [path, init] of [
    ['/v2/oauth2', form({ action: 'recoverauthorizationcode' })],
    ['/v2/oauth2', { method: 'PUT', body: new URLSearchParams({ action: 'requesttoken' }) }],
    ['/v2/signature', form({ action: 'getnonces' })],
    ['/measure', { ...form({ action: 'getactivity' }), headers }],
    ['/measure', { method: 'DELETE', headers }],
    ['/v2/measure', { ...form({ action: 'getmeas' }), headers }],
    ['/oauth2/token', form({ grant_type: 'refresh_token' })],
  ] as const) {
    const response = await simulator.fetch(`https://wbsapi.withings.net${path}`, init);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"status":2554,"body":{},"error":"Not implemented"}');
  }
  expect((await simulator.fetch(authorizeUrl(), { method: 'PUT' })).status).toBe(200);
});

test.each([
  { errorBody: 'object' as const, text: invalidCode },
  { errorBody: 'array' as const, text: '{"status":503,"body":[],"error":"Invalid Params: invalid code"}' },
  { errorBody: 'null' as const, text: '{"status":503,"body":null,"error":"Invalid Params: invalid code"}' },
  { errorBody: 'absent' as const, text: '{"status":503,"error":"Invalid Params: invalid code"}' },
])('the body of an error can be $errorBody', async ({ errorBody, text }) => {
  const simulator = standingSimulator({ settings: { errorBody } });
  expect((await exchangeText(simulator, 'f'.repeat(40))).text).toBe(text);
});

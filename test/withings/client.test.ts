import { createHmac } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { sign } from '../../src/withings/authenticate.ts';
import { secret } from '../../src/withings/secret.ts';
import { ACCESS_TOKEN, answer, failure, NONCE, page, REFRESH_TOKEN, revealed, success, tokenBody } from './answers.ts';
import { CLIENT_SECRET, config, makeClient } from './make-client.ts';

const hmac = (message: string): string => createHmac('sha256', CLIENT_SECRET).update(message).digest('hex');

test('the authorize URL names client, scopes with commas, redirect URI and state', () => {
  const { client, calls } = makeClient();
  const url = client.authorizeUrl({
    state: 'a.b-c_d',
    redirectUri: 'https://broker.test/withings/callback?x=1&y=2',
    scope: ['user.metrics', 'user.activity'],
  });
  expect(url).toBe(
    `https://login.test/oauth2_user/authorize2?response_type=code&client_id=${config.clientId}` +
      '&scope=user.metrics%2Cuser.activity' +
      '&redirect_uri=https%3A%2F%2Fbroker.test%2Fwithings%2Fcallback%3Fx%3D1%26y%3D2&state=a.b-c_d',
  );
  expect(calls).toEqual([]);
});

describe('every call', () => {
  test('is a POST of a form that follows no redirect and carries a signal', async () => {
    const { client, calls } = makeClient(
      success(tokenBody),
      success(tokenBody),
      success(page),
      success({ nonce: NONCE }),
      success({}),
    );
    await client.exchangeCode({ code: secret('c0de'), redirectUri: 'https://broker.test/withings/callback' });
    await client.refreshTokens({ refreshToken: secret(REFRESH_TOKEN) });
    await client.measureGroups({ accessToken: secret(ACCESS_TOKEN) });
    await client.revoke({ withingsUserId: '7' });
    expect(calls).toHaveLength(5);
    for (const { init } of calls) {
      expect(init).toMatchObject({ method: 'POST', redirect: 'manual' });
      expect(init.signal).toBeInstanceOf(AbortSignal);
      expect(init.body).toBeInstanceOf(URLSearchParams);
    }
  });

  test('that is redirected is an http_error, and is not followed', async () => {
    const { client, calls } = makeClient({ httpStatus: 307, text: '' });
    expect(await client.refreshTokens({ refreshToken: secret(REFRESH_TOKEN) })).toEqual({
      ok: false,
      failure: { kind: 'http_error', httpStatus: 307, inDoubt: true },
    });
    expect(calls).toHaveLength(1);
  });
});

describe('tokens', () => {
  test('a code is exchanged under the redirect URI of its authorization', async () => {
    const { client, calls } = makeClient(success({ ...tokenBody, userid: '27718374' }));
    const redirectUri = 'https://broker.test/withings/callback';
    expect(revealed(await client.exchangeCode({ code: secret('c0de'), redirectUri }))).toMatchObject({
      ok: true,
      value: { withingsUserId: '27718374', accessToken: ACCESS_TOKEN },
    });
    expect(calls.map(({ url, form }) => ({ url, form }))).toEqual([
      {
        url: 'https://api.test/v2/oauth2',
        form: {
          action: 'requesttoken',
          client_id: config.clientId,
          client_secret: CLIENT_SECRET,
          grant_type: 'authorization_code',
          code: 'c0de',
          redirect_uri: redirectUri,
        },
      },
    ]);
    expect(calls[0]?.init.headers).not.toHaveProperty('authorization');
  });

  test('a refused code is a failure, after one call', async () => {
    const { client, calls } = makeClient(failure(503, 'Invalid Params: invalid code'));
    expect(await client.exchangeCode({ code: secret('c0de'), redirectUri: 'https://broker.test/' })).toEqual({
      ok: false,
      failure: { kind: 'code_rejected', inDoubt: false },
    });
    expect(calls).toHaveLength(1);
  });

  test('a refresh sends the refresh token and nothing of a code', async () => {
    const { client, calls } = makeClient(success(tokenBody));
    expect(revealed(await client.refreshTokens({ refreshToken: secret('old') }))).toMatchObject({
      ok: true,
      value: { refreshToken: REFRESH_TOKEN },
    });
    expect(calls[0]?.form).toEqual({
      action: 'requesttoken',
      client_id: config.clientId,
      client_secret: CLIENT_SECRET,
      grant_type: 'refresh_token',
      refresh_token: 'old',
    });
  });
});

describe('measures', () => {
  test('are asked for with the access token and no more than was asked', async () => {
    const { client, calls } = makeClient(success(page));
    expect(await client.measureGroups({ accessToken: secret(ACCESS_TOKEN), lastUpdateSeconds: 0 })).toMatchObject({
      ok: true,
      value: { groups: [{ groupId: 6_712_345_678 }] },
    });
    expect(calls[0]).toMatchObject({ url: 'https://api.test/measure' });
    expect(calls[0]?.form).toEqual({ action: 'getmeas', lastupdate: '0' });
    expect(calls[0]?.init.headers).toEqual({ authorization: `Bearer ${ACCESS_TOKEN}` });
  });

  test('can be narrowed by date and type, and paged', async () => {
    const { client, calls } = makeClient(success(page));
    await client.measureGroups({
      accessToken: secret(ACCESS_TOKEN),
      startDateSeconds: 100,
      endDateSeconds: 200,
      types: [1, 4, 6],
      offset: 300,
    });
    expect(calls[0]?.form).toEqual({
      action: 'getmeas',
      startdate: '100',
      enddate: '200',
      meastypes: '1,4,6',
      offset: '300',
    });
  });
});

describe('revocation', () => {
  test('signs a nonce and then the action, and never sends the secret', async () => {
    const { client, calls } = makeClient(success({ nonce: NONCE }), success({}));
    expect(await client.revoke({ withingsUserId: '27718374' })).toEqual({ ok: true, value: undefined });
    expect(calls.map(({ url, form }) => ({ url, form }))).toEqual([
      {
        url: 'https://api.test/v2/signature',
        form: {
          action: 'getnonce',
          client_id: config.clientId,
          timestamp: '1760000000',
          signature: hmac(`getnonce,${config.clientId},1760000000`),
        },
      },
      {
        url: 'https://api.test/v2/oauth2',
        form: {
          action: 'revoke',
          client_id: config.clientId,
          nonce: NONCE,
          signature: hmac(`revoke,${config.clientId},${NONCE}`),
          userid: '27718374',
        },
      },
    ]);
  });

  test.each([
    { name: 'Withings is down', answered: { httpStatus: 502, text: '' }, kind: 'http_error' },
    { name: 'the answer is HTML', answered: { httpStatus: 200, text: '<html>' }, kind: 'not_json' },
    { name: 'the answer holds none', answered: success({}), kind: 'malformed' },
    { name: 'the signature is refused', answered: failure(342, 'bad signature'), kind: 'client_rejected' },
  ])('that gets no nonce because $name is not sent, so never in doubt', async ({ answered, kind }) => {
    const { client, calls } = makeClient(answered);
    expect(await client.revoke({ withingsUserId: '7' })).toMatchObject({
      ok: false,
      failure: { kind, inDoubt: false },
    });
    expect(calls).toHaveLength(1);
  });

  test('whose answer is lost is in doubt', async () => {
    const { client } = makeClient(success({ nonce: NONCE }), answer(null));
    expect(await client.revoke({ withingsUserId: '7' })).toMatchObject({
      ok: false,
      failure: { kind: 'malformed', inDoubt: true },
    });
  });
});

test('a signature covers the values in the order of their names, in lower-case hex', async () => {
  const fields = { timestamp: '1760000000', client_id: config.clientId, action: 'getnonce' };
  expect(await sign(fields, config.clientSecret)).toBe(hmac(`getnonce,${config.clientId},1760000000`));
  expect(await sign({ b: '2', a: '1' }, secret('key'))).toMatch(/^[0-9a-f]{64}$/);
});

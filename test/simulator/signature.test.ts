import { createHmac } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Simulator } from '../../src/simulator/simulator.ts';
import {
  advanceSeconds,
  app,
  codeFor,
  connect,
  getmeas,
  oauth2,
  otherApp,
  redirectUri,
  refresh,
  signature,
  standingSimulator,
  START_SECONDS,
} from './driver.ts';

const hmac = (message: string, key = app.clientSecret) => createHmac('sha256', key).update(message).digest('hex');

const nonceFields = (timestamp: number, client = app) => ({
  action: 'getnonce',
  client_id: client.clientId,
  timestamp: String(timestamp),
  signature: hmac(`getnonce,${client.clientId},${timestamp}`, client.clientSecret),
});

const nonceOf = async (simulator: Simulator, client = app) => {
  const timestamp = Math.floor(simulator.state.clock.now() / 1000);
  return (await signature(simulator, nonceFields(timestamp, client))).body.nonce;
};

const signedFields = (action: string, nonce: string, client = app) => ({
  action,
  client_id: client.clientId,
  nonce,
  signature: hmac(`${action},${client.clientId},${nonce}`, client.clientSecret),
});

const exchangeSigned = async (simulator: Simulator, signed: Record<string, string>) =>
  oauth2(simulator, {
    ...signed,
    grant_type: 'authorization_code',
    code: await codeFor(simulator),
    redirect_uri: redirectUri,
  });

describe('getnonce', () => {
  test.each([
    { name: 'a signature over other fields', change: { signature: hmac(`getnonce,${START_SECONDS}`) } },
    { name: 'another key', change: { signature: hmac(`getnonce,${app.clientId},${START_SECONDS}`, 'x') } },
    { name: 'no client', change: { client_id: '' } },
    { name: 'a timestamp that is no number', change: { timestamp: 'now' } },
  ])('$name gives no nonce', async ({ change }) => {
    const simulator = standingSimulator();
    const { status, body } = await signature(simulator, { ...nonceFields(START_SECONDS), ...change });
    expect(status).toBe(503);
    expect(body).toEqual({});
  });

  test('an upper-case signature is wrong', async () => {
    const fields = nonceFields(START_SECONDS);
    const { status } = await signature(standingSimulator(), {
      ...fields,
      signature: fields.signature.toUpperCase(),
    });
    expect(status).toBe(503);
  });

  test('a timestamp further off than the skew is refused on either side', async () => {
    const simulator = standingSimulator();
    expect((await signature(simulator, nonceFields(START_SECONDS - 301))).status).toBe(503);
    expect((await signature(simulator, nonceFields(START_SECONDS + 301))).status).toBe(503);
    expect((await signature(simulator, nonceFields(START_SECONDS - 300))).status).toBe(0);
  });

  test('a good one gives a nonce of 40 hex characters', async () => {
    const answer = await signature(standingSimulator(), nonceFields(START_SECONDS));
    expect(answer).toEqual({ status: 0, body: { nonce: expect.stringMatching(/^[0-9a-f]{40}$/) } });
  });
});

describe('the signed form of a token request', () => {
  test('a nonce is single use, also when the first use failed', async () => {
    const simulator = standingSimulator();
    const signed = signedFields('requesttoken', await nonceOf(simulator));
    const failed = await oauth2(simulator, { ...signed, grant_type: 'refresh_token', refresh_token: 'x' });
    expect(failed.error).toBe('Invalid Params: invalid refresh_token');
    expect((await exchangeSigned(simulator, signed)).error).toBe('Invalid Params: invalid nonce');
    expect(simulator.state.grants.all()).toEqual([]);
  });

  test('two requests at once with one nonce: one passes', async () => {
    const simulator = standingSimulator();
    const signed = signedFields('requesttoken', await nonceOf(simulator));
    const answers = await Promise.all([exchangeSigned(simulator, signed), exchangeSigned(simulator, signed)]);
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([0, 503]);
  });

  test('a nonce lives 30 minutes', async () => {
    const simulator = standingSimulator();
    const [dead, alive] = [await nonceOf(simulator), await nonceOf(simulator)];
    advanceSeconds(simulator, 30 * 60 - 1);
    expect((await exchangeSigned(simulator, signedFields('requesttoken', alive))).status).toBe(0);
    advanceSeconds(simulator, 1);
    expect((await exchangeSigned(simulator, signedFields('requesttoken', dead))).status).toBe(503);
  });

  test("another client's nonce, an invented one and a signature for another action are refused", async () => {
    const simulator = standingSimulator();
    const nonce = await nonceOf(simulator);
    for (const signed of [
      signedFields('requesttoken', await nonceOf(simulator, otherApp)),
      signedFields('requesttoken', 'a'.repeat(40)),
      { ...signedFields('revoke', nonce), action: 'requesttoken' },
      { ...signedFields('requesttoken', nonce), signature: '' },
    ]) {
      expect((await exchangeSigned(simulator, signed)).status).toBe(503);
    }
    expect((await exchangeSigned(simulator, signedFields('requesttoken', nonce))).status).toBe(0);
  });

  test('a wrong signature is 503, or 342 by the switch', async () => {
    const simulator = standingSimulator();
    const signed = { ...signedFields('requesttoken', await nonceOf(simulator)), signature: '0'.repeat(64) };
    const wrong = { status: 503, body: {}, error: 'Invalid Params: invalid signature' };
    expect(await exchangeSigned(simulator, signed)).toEqual(wrong);
    simulator.state.settings.badCredentialsStatus = 342;
    expect(await exchangeSigned(simulator, signed)).toEqual({ ...wrong, status: 342 });
  });

  test('works for the refresh as well', async () => {
    const simulator = standingSimulator();
    const { refresh_token: token } = await connect(simulator);
    const signed = signedFields('requesttoken', await nonceOf(simulator));
    const answer = await oauth2(simulator, { ...signed, grant_type: 'refresh_token', refresh_token: token });
    expect(answer.status).toBe(0);
  });
});

describe('revoke', () => {
  test('the secret form, a person unknown or not linked to the client, and no userid are refused', async () => {
    const simulator = standingSimulator();
    const { access_token: token, userid } = await connect(simulator);
    const secretForm = await oauth2(simulator, {
      action: 'revoke',
      client_id: app.clientId,
      client_secret: app.clientSecret,
      userid: String(userid),
    });
    expect(secretForm.status).toBe(503);
    for (const fields of [{ userid: '1' }, { userid: '12870455' }, { userid: 'nora' }, {}]) {
      const signed = signedFields('revoke', await nonceOf(simulator));
      expect((await oauth2(simulator, { ...signed, ...fields })).error).toBe('Invalid Params: invalid userid');
    }
    expect((await getmeas(simulator, token)).status).toBe(0);
  });

  test('ends all tokens of the person at this client, and no others', async () => {
    const simulator = standingSimulator();
    const [one, two, ines] = [await connect(simulator), await connect(simulator), await connect(simulator, 'ines')];
    const otherFields = { client_id: otherApp.clientId };
    const otherCode = await codeFor(simulator, 'nora', otherFields);
    const other = await oauth2(simulator, {
      action: 'requesttoken',
      grant_type: 'authorization_code',
      ...otherFields,
      client_secret: otherApp.clientSecret,
      code: otherCode,
      redirect_uri: redirectUri,
    });
    const signed = signedFields('revoke', await nonceOf(simulator));
    expect(await oauth2(simulator, { ...signed, userid: String(one.userid) })).toEqual({
      status: 0,
      body: {},
    });
    for (const { access_token: access, refresh_token: refreshToken } of [one, two]) {
      expect((await getmeas(simulator, access)).status).toBe(401);
      expect((await refresh(simulator, refreshToken)).status).toBe(503);
    }
    expect((await getmeas(simulator, other.body.access_token)).status).toBe(0);
    expect((await getmeas(simulator, ines.access_token)).status).toBe(0);
  });
});

import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { parseKeyring } from '../../src/crypto/keyring.ts';
import { CONNECT_SESSION, STATE, USER_TOKEN } from '../../src/crypto/link-tokens.ts';
import { sign } from '../../src/crypto/signed-token.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import {
  authPath,
  type Broker,
  consent,
  cookiesOf,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import { changingNothing, codeOf, readProblem } from '../support/problem.ts';

/** `GET callback` with a state that is not to be trusted: no I/O at all, and never a redirect. */

const d1 = meterD1(env.DB);
const kv = meterKv(env.LINKS);
const sent = meterFetch();
let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1, LINKS: kv.kv }, fetch: sent.wrap });
  app = await makeApp(broker);
});
beforeEach(() => {
  d1.reset();
  kv.reset();
  sent.reset();
});

const callback = (query: string, headers: Record<string, string> = {}) =>
  broker.request(`/withings/callback${query}`, { headers });

const expectNoWork = async (ask: () => Promise<Response>): Promise<Response> => {
  const response = await changingNothing(ask);
  expect({ d1: d1.calls(), kv: kv.operations, fetches: sent.count() }).toEqual({ d1: 0, kv: [], fetches: 0 });
  expect(response.headers.get('Location')).toBeNull();
  return response;
};

const goodState = async (): Promise<string> => {
  const { authorizeUrl } = await openLink(broker, authPath(app, 'ada'));
  d1.reset();
  kv.reset();
  return new URL(authorizeUrl).searchParams.get('state') ?? '';
};

const base64Url = (binary: string): string =>
  btoa(binary).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_');
const encode = (value: unknown): string => base64Url(JSON.stringify(value));
const encodeBytes = (bytes: ArrayBuffer): string => base64Url(String.fromCharCode(...new Uint8Array(bytes)));
const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(atob((part ?? '').replaceAll('-', '+').replaceAll('_', '/')));

const claims = { app: asAppId('app_x'), uri: 'uri_x', sub: 'ada' };
const ours = async (kind: Parameters<typeof sign>[1], now = broker.now()) =>
  sign((await broker.deps()).keyring, kind, claims, { jti: 'f'.repeat(32), now, expiresAt: now + 60_000 });

/** What only we could sign, but for one thing that is changed; left as it is, the callback takes it. */
const underRightKey = async (header: object, payload: object = {}): Promise<string> => {
  const { keyring } = await broker.deps();
  const key = await keyring.derive(keyring.currentKeyId, STATE.purpose);
  if (key === undefined) throw new Error('no key');
  const [ourHeader, ourPayload] = (await goodState()).split('.');
  const signed = `${encode({ ...decode(ourHeader), ...header })}.${encode({ ...decode(ourPayload), ...payload })}`;
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(signed));
  return `${signed}.${encodeBytes(signature)}`;
};

/** A verifier that lets the token choose the algorithm, or the key, believes this one. */
const signedByThePublicKeyItBrings = async (): Promise<string> => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const pair = (await crypto.subtle.generateKey(
    { ...algorithm, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ['sign', 'verify'],
  )) as CryptoKeyPair;
  const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const [header, payload] = (await goodState()).split('.');
  const signed = `${encode({ ...decode(header), alg: 'RS256', jwk })}.${payload}`;
  const signature = await crypto.subtle.sign(algorithm, pair.privateKey, new TextEncoder().encode(signed));
  return `${signed}.${encodeBytes(signature)}`;
};

describe('a state that is not one of ours costs nothing', () => {
  const forgeries: [string, () => Promise<string>][] = [
    ['empty', async () => ''],
    ['garbage', async () => '<script>alert(1)</script>'],
    ['over-long', async () => 'a'.repeat(10_000)],
    [
      'unsigned',
      async () => {
        const [header, payload] = (await goodState()).split('.');
        return `${header}.${payload}.`;
      },
    ],
    [
      'of algorithm none',
      async () => {
        const [header, payload] = (await goodState()).split('.');
        return `${encode({ ...decode(header), alg: 'none' })}.${payload}.`;
      },
    ],
    [
      'changed to name another app',
      async () => {
        const [header, payload, signature] = (await goodState()).split('.');
        return `${header}.${encode({ ...decode(payload), app: 'app_other' })}.${signature}`;
      },
    ],
    [
      'under a key that the ring lacks',
      async () => {
        const [header, payload, signature] = (await goodState()).split('.');
        return `${encode({ ...decode(header), kid: 'k9' })}.${payload}.${signature}`;
      },
    ],
    [
      'signed by another broker',
      async () => {
        const ring = parseKeyring(JSON.stringify({ current: 'k1', keys: { k1: 'A'.repeat(43) } }));
        if (!ring.ok) throw new Error(ring.failure);
        const now = broker.now();
        return sign(ring.value, STATE, claims, { jti: 'f'.repeat(32), now, expiresAt: now + 60_000 });
      },
    ],
    ['a user token', () => ours(USER_TOKEN)],
    ['a connect session', () => ours(CONNECT_SESSION)],
    ['of another type', () => ours({ ...STATE, typ: 'JWT' })],
    ['for another audience', () => ours({ ...STATE, audience: USER_TOKEN.audience })],
    ['signed with the key of user tokens', () => ours({ ...STATE, purpose: USER_TOKEN.purpose })],
    ['signed with the key of connect sessions', () => ours({ ...STATE, purpose: CONNECT_SESSION.purpose })],
    ['in the clothes of a user token', () => ours({ ...USER_TOKEN, purpose: STATE.purpose })],
    ['of another HMAC, under the right key', () => underRightKey({ alg: 'HS512' })],
    ['signed with a private key of whoever sends it', signedByThePublicKeyItBrings],
    ['with a critical extension that nobody knows', () => underRightKey({ crit: ['evil'], evil: true })],
    ['without a key id', () => underRightKey({ kid: undefined })],
    ['without an end', () => underRightKey({}, { exp: undefined })],
    ['without an id', () => underRightKey({}, { jti: undefined })],
    ['without a time of issue', () => underRightKey({}, { iat: undefined })],
    ['without an audience', () => underRightKey({}, { aud: undefined })],
    ['not valid yet', () => underRightKey({}, { nbf: Math.floor(broker.now() / 1000) + 600 })],
    ['from the future', () => ours(STATE, broker.now() + 3_600_000)],
  ];

  test.each(forgeries)('a forged state is not believed: %s', async (_, forge) => {
    const state = await forge();
    const response = await expectNoWork(() => callback(`?code=abc&state=${encodeURIComponent(state)}`));
    expect(await codeOf(response)).toBe('400 invalid_state');
  });

  test('and the same with nothing changed is believed', async () => {
    const response = await callback(`?code=abc&state=${await underRightKey({})}`);
    expect(response.headers.get('Location')).toMatch(/^womoji:.*error=code_rejected/);
  });

  test('a state is not believed as a connect session or a user token either', async () => {
    const state = await goodState();
    const opened = await broker.request(`/apps/${app.id}/withings/auth?session=${state}`);
    expect(await codeOf(opened)).toBe('400 invalid_parameter');
    const headers = { Authorization: `Bearer ${state}` };
    expect((await broker.request(`/apps/${app.id}/withings/status/ada`, { headers })).status).toBe(401);
  });

  test.each([
    ['missing', '?code=abc'],
    ['doubled', '?code=abc&state=a&state=b'],
    ['missing, with an error', '?error=%3Cscript%3E'],
  ])('%s', async (_, query) => {
    expect(await codeOf(await expectNoWork(() => callback(query)))).toBe('400 invalid_state');
  });

  test.each(['before', 'after'])('doubled, with a good one and the other %s it', async (where) => {
    const state = await goodState();
    const states = where === 'before' ? `state=x&state=${state}` : `state=${state}&state=x`;
    for (const query of [states, `state=${state}&state=${state}`]) {
      expect(await codeOf(await expectNoWork(() => callback(`?code=abc&${query}`)))).toBe('400 invalid_state');
    }
    // Neither was it spent.
    expect((await callback(`?code=abc&state=${state}`)).status).toBe(302);
  });

  test('expired, to the second', async () => {
    const state = await goodState();
    broker.advance(30 * 60_000);
    const response = await expectNoWork(() => callback(`?code=abc&state=${state}`));
    expect(await codeOf(response)).toBe('400 state_expired');
  });

  test('a browser is shown the same words, and nothing of the query', async () => {
    const { title, detail } = await readProblem(await callback('?state=x'));
    const page = await callback('?state=%3Cimg%3E&error=%3Cimg%3E&error_description=%3Cimg%3E', {
      Accept: 'text/html',
    });
    const text = await page.text();
    expect(text).toContain(title);
    expect(text).toContain(detail);
    expect(text).not.toContain('<img');
  });
});

describe('a probe', () => {
  test.each(['GET', 'HEAD'])('%s without a query answers 200 and touches nothing', async (method) => {
    const response = await expectNoWork(() => broker.request('/withings/callback', { method }));
    expect(response.status).toBe(200);
  });

  test('HEAD with a good state and code spends neither', async () => {
    const { authorizeUrl, cookies } = await openLink(broker, authPath(app, 'head'));
    const url = await consent(broker, authorizeUrl, 'nora');
    d1.reset();
    kv.reset();
    const probed = await expectNoWork(() => broker.request(url, { method: 'HEAD' }));
    expect(probed.status).toBe(200);
    const finished = await broker.request(url, { headers: { Cookie: cookies } });
    expect(finished.headers.get('Location')).toBe(WOMOJI);
  });
});

describe('a good state whose app changed its mind', () => {
  test.each([
    ['took the redirect URI off its list', '400 redirect_uri_not_allowed'],
    ['is disabled', '403 app_disabled'],
  ])('that %s ends on a page of ours, without a token request', async (change, code) => {
    const changed = await makeApp(broker, 'Changing');
    const { response, authorizeUrl } = await openLink(broker, authPath(changed, 'ada'));
    const url = await consent(broker, authorizeUrl, 'nora');
    if (change === 'is disabled') await broker.manage('PATCH', `/apps/${changed.id}`, { disabled: true });
    else await broker.manage('DELETE', `/apps/${changed.id}/redirect-uris?uri=${encodeURIComponent(WOMOJI)}`);
    sent.reset();
    const ended = await changingNothing(() => broker.request(url, { headers: { Cookie: cookiesOf(response) } }));
    expect(await codeOf(ended)).toBe(code);
    expect(ended.headers.get('Location')).toBeNull();
    expect(sent.count()).toBe(0);
  });
});

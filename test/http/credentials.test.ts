import { beforeAll, describe, expect, test } from 'vitest';

import { mintCredential } from '../../src/crypto/credential.ts';
import type { Operation } from '../../src/http/api/reference/operation.ts';
import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { type Broker, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { makeDeveloper } from '../support/developer.ts';
import { dumpState } from '../support/dump.ts';
import { ROUTES } from '../support/routes.ts';

/**
 * Every route times every kind of credential. A route that is not an operation of the reference fails in
 * `reference.test.ts`.
 */

/** Routes that anybody may ask; a new one is added here by hand, on purpose. */
const PUBLIC = ['startLink', 'finishLink', 'getHealth', 'probeNotifications', 'takeNotification'];

const CREDENTIALS = [
  'none',
  'garbage',
  'mistyped key',
  'unknown key',
  'revoked key',
  "another app's key",
  'key without the scope',
  'key',
  "another user's token",
  "the user's token",
  'expired user token',
  'unknown operator token',
  'revoked access token',
  'expired access token',
  "a disabled account's token",
  "another developer's token",
  "the owner's token",
  'operator token',
] as const;
type Credential = (typeof CREDENTIALS)[number];

/** Let in, or the status that refuses. */
type Verdict = 'in' | 401 | 403 | 404;

const KEY_VERDICTS: Record<Credential, Verdict> = {
  none: 401,
  garbage: 401,
  'mistyped key': 401,
  'unknown key': 401,
  'revoked key': 401,
  "another app's key": 404,
  'key without the scope': 403,
  key: 'in',
  "another user's token": 403,
  "the user's token": 403,
  'expired user token': 401,
  'unknown operator token': 401,
  'revoked access token': 401,
  'expired access token': 401,
  "a disabled account's token": 401,
  "another developer's token": 404,
  "the owner's token": 'in',
  'operator token': 'in',
};

const everything = (verdict: Verdict): Record<Credential, Verdict> =>
  Object.fromEntries(CREDENTIALS.map((credential) => [credential, verdict])) as Record<Credential, Verdict>;

const verdictsOf = ({ id, path, auth, problems = [] }: Operation): Record<Credential, Verdict> => {
  // Anybody with a token makes apps; it is giving them away that only the operator may.
  const isOperators = problems.includes('operator_only') && id !== 'createApp';
  const developers: Verdict = isOperators ? 403 : 'in';
  switch (auth.kind) {
    case 'none':
      return everything('in');
    case 'access_token':
      return {
        ...everything(401),
        "another developer's token": path.includes('{app_id}') ? 404 : developers,
        "the owner's token": developers,
        'operator token': 'in',
      };
    case 'app_key':
      return auth.userTokens
        ? { ...KEY_VERDICTS, "another user's token": 401, "the user's token": 'in' }
        : KEY_VERDICTS;
  }
};

let broker: Broker;
let app: TestApp;
let presented: Record<Credential, string>;

beforeAll(async () => {
  broker = await startBroker();
  const [owner, stranger, revokedOne, disabledOne] = [
    await makeDeveloper(broker),
    await makeDeveloper(broker),
    await makeDeveloper(broker),
    await makeDeveloper(broker),
  ];
  const expiredOne = await makeDeveloper(broker, { expires_in_days: 1 });
  await broker.manage('DELETE', `/accounts/${revokedOne.accountId}/tokens/${revokedOne.tokenId}`);
  await broker.manage('PATCH', `/accounts/${disabledOne.accountId}`, { disabled: true });
  broker.advance(24 * 3_600_000);
  app = await makeApp(broker, 'Womoji', owner.accountId);
  const other = await makeApp(broker, 'Other');
  const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
  const keyOf = async (scopes: string[]) =>
    (await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'k', scopes })).json<{ id: string; key: string }>();
  const revoked = await keyOf(['read', 'sync', 'manage-links']);
  await broker.manage('DELETE', `/apps/${app.id}/keys/${revoked.id}`);
  const expired = await app.userToken('ada');
  broker.advance(3_601_000);
  presented = {
    none: '',
    garbage: 'garbage',
    'mistyped key': app.key.slice(0, -1) + (app.key.endsWith('0') ? '1' : '0'),
    'unknown key': await mintCredential('key', random),
    'revoked key': revoked.key,
    "another app's key": other.key,
    'key without the scope': '',
    key: app.key,
    "another user's token": await app.userToken('eve'),
    "the user's token": await app.userToken('ada'),
    'expired user token': expired,
    'unknown operator token': await mintCredential('operator', random),
    'revoked access token': revokedOne.token,
    'expired access token': expiredOne.token,
    "a disabled account's token": disabledOne.token,
    "another developer's token": stranger.token,
    "the owner's token": owner.token,
    'operator token': broker.operatorToken,
  };
  weakKeys = {
    read: await keyOf(['sync', 'manage-links']),
    sync: await keyOf(['read', 'manage-links']),
    'manage-links': await keyOf(['read', 'sync']),
  };
});
let weakKeys: Record<string, { key: string }>;

const QUERIES: Record<string, string> = {
  unregisterRedirectUri: '?uri=x%3A%2F%2Fy',
  testRedirectUri: '?uri=x%3A%2F%2Fy',
};

const send = ({ id, method, path, auth, body }: Operation, credential: Credential): Promise<Response> => {
  const filled = path
    .replace('{app_id}', app.id)
    .replace('{user_id}', 'ada')
    .replace(/\{\w+\}/g, 'x');
  const weak = 'scope' in auth ? weakKeys[auth.scope]?.key : undefined;
  const value = credential === 'key without the scope' ? (weak ?? '') : presented[credential];
  return broker.request(`${filled}${QUERIES[id] ?? ''}`, {
    method: method.toUpperCase(),
    headers: {
      ...(value !== '' && { Authorization: `Bearer ${value}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body.example) }),
  });
};

const REFUSALS = ['insufficient_scope', 'user_token_not_taken', 'operator_only'];

const verdictOn = async (response: Response): Promise<Verdict> => {
  const { status } = response;
  if (status === 401) return status;
  const code = response.headers.get('Content-Type')?.includes('problem')
    ? (await response.json<{ code: string }>()).code
    : undefined;
  if (status === 403 && REFUSALS.includes(code ?? '')) return status;
  return status === 404 && code === 'app_not_found' ? status : 'in';
};

// What ends the app comes last.
const operations = [...OPERATIONS].sort((a, b) => Number(a.id === 'deleteApp') - Number(b.id === 'deleteApp'));

test('nothing but what has to be is open to anybody', () => {
  const open = OPERATIONS.filter(({ auth }) => auth.kind === 'none').map(({ id }) => id);
  expect(open.sort()).toEqual([...PUBLIC].sort());
});

describe.each(operations)('$method $path', (operation) => {
  const verdicts = verdictsOf(operation);

  test('refuses whom it has to, and nothing has changed', async () => {
    const before = await dumpState();
    for (const credential of CREDENTIALS.filter((one) => verdicts[one] !== 'in')) {
      const response = await send(operation, credential);
      const challenge = response.headers.get('WWW-Authenticate');
      expect(await verdictOn(response), credential).toBe(verdicts[credential]);
      expect(challenge !== null, credential).toBe(verdicts[credential] === 401);
    }
    expect(await dumpState()).toEqual(before);
  });

  test('lets in whom it has to', async () => {
    for (const credential of CREDENTIALS.filter((one) => verdicts[one] === 'in')) {
      const response = await send(operation, credential);
      expect(response.status, credential).toBeLessThan(500);
      expect(await verdictOn(response), credential).toBe('in');
      if (operation.id === 'deleteApp') return;
    }
  });
});

describe('every route, pages included', () => {
  const routes = [
    ...new Set(ROUTES.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`)),
  ];
  const HEADERS: [string, RegExp][] = [
    ['Content-Security-Policy', /default-src 'none'.*frame-ancestors 'none'/],
    ['Cross-Origin-Opener-Policy', /^same-origin$/],
    ['Referrer-Policy', /^(no-referrer|same-origin)$/],
    ['Strict-Transport-Security', /max-age=\d{8}/],
    ['X-Content-Type-Options', /^nosniff$/],
    ['X-Frame-Options', /^DENY$/],
    ['X-Request-Id', /./],
    ['Cache-Control', /^no-store$/],
  ];

  test.each([...routes, 'GET /no/such/path', 'POST /healthz'])('%s carries the security headers', async (route) => {
    const [method = '', path = ''] = route.split(' ');
    const filled = path.replace(':app_id', app.id).replace(/:\w+(\{[^}]*\})?/g, 'x');
    for (const accept of ['application/json', 'text/html']) {
      const response = await broker.request(filled, { method, headers: { Accept: accept } });
      for (const [name, value] of HEADERS) expect(response.headers.get(name), `${name} of ${accept}`).toMatch(value);
      // Pages that post forms name their own origin, which is how a foreign form is told.
      const isDashboard = path.startsWith('/dashboard');
      if (!isDashboard) expect(response.headers.get('Referrer-Policy')).toBe('no-referrer');
      expect(response.headers.get('Server')).toBeNull();
    }
  });

  test.each(routes.filter((route) => route.includes(' /dashboard')))(
    '%s shows nothing without a session',
    async (route) => {
      const [method = '', path = ''] = route.split(' ');
      if (/sign-?in/.test(path)) return expect(path).toMatch(/dashboard/);
      const before = await dumpState();
      const response = await broker.request(path.replace(':app_id', app.id).replace(/:\w+(\{[^}]*\})?/g, 'x'), {
        method,
      });
      expect([303, 302, 401, 403]).toContain(response.status);
      expect(await response.text()).not.toContain('Womoji');
      expect(await dumpState()).toEqual(before);
    },
  );
});

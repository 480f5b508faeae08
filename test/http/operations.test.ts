import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { type Operation, problemsOf } from '../../src/http/api/reference/operation.ts';
import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { authPath, type Broker, consent, makeApp, openLink, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';

/** What every operation has in common, asked of each by what the reference says of it. */

/** A test of the operations that it concerns; of the others there is nothing to say. */
const testWhere =
  (applies: boolean) =>
  (name: string, run: () => Promise<void>): void => {
    if (applies) test(name, run);
  };

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;
let other: TestApp;
let developer: string;
let scopeless: Record<(typeof SCOPES)[number], string>;
/** Longer than any parameter may be. */
const TOO_LONG = 'x'.repeat(3_000);
const SCOPES = ['read', 'sync', 'manage-links'] as const;

beforeAll(async () => {
  const limit = { limit: async () => ({ success: false }) };
  broker = await startBroker({ bindings: { DB: d1.d1, FAILED_RATE: limit, APP_RATE: limit } });
  app = await makeApp(broker);
  other = await makeApp(broker);
  const account = await (await broker.manage('POST', '/accounts', { name: 'Ada' })).json<{ id: string }>();
  const token = await broker.manage('POST', `/accounts/${account.id}/tokens`, { name: 'laptop' });
  developer = (await token.json<{ token: string }>()).token;
  const lacking = async (scope: string) => {
    const scopes = SCOPES.filter((one) => one !== scope);
    const made = await broker.manage('POST', `/apps/${app.id}/keys`, { name: 'limited', scopes });
    return (await made.json<{ key: string }>()).key;
  };
  scopeless = {
    read: await lacking('read'),
    sync: await lacking('sync'),
    'manage-links': await lacking('manage-links'),
  };
});

type Sent = {
  appId?: string;
  userId?: string;
  credential?: string;
  body?: string;
  query?: string;
  /** Rate limits count by address: without one, nothing is held up. */
  address?: string;
};

const send = ({ method, path, body: documented, query: documentedQuery }: Operation, sent: Sent) => {
  const { appId = app.id, userId = 'ada', credential, address, query = exampleQuery(documentedQuery) } = sent;
  const filled = path
    .replace('{app_id}', appId)
    .replace('{user_id}', userId)
    .replace(/\{\w+\}/g, 'none_0123456789abcdef0123');
  const body = sent.body ?? (documented === undefined ? undefined : JSON.stringify(documented.example));
  return broker.request(`${filled}${query}`, {
    method: method.toUpperCase(),
    headers: {
      ...(credential !== undefined && { Authorization: `Bearer ${credential}` }),
      ...(address !== undefined && { 'CF-Connecting-IP': address }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body }),
  });
};

const exampleQuery = (query: Operation['query']): string =>
  query !== undefined && 'uri' in query.shape ? '?uri=womoji%3A%2F%2Funknown' : '';

const codeIn = async (response: Response): Promise<string> => (await response.json<{ code: string }>()).code;

const guarded = OPERATIONS.filter(({ auth }) => auth.kind !== 'none');
/** The operator is known without a query; a developer is not. */
const askedWithQuery = (operation: Operation): string =>
  /^\/(?:whoami|tokens)/.test(operation.path) ? developer : good(operation);
const good = ({ auth }: Operation): string => (auth.kind === 'access_token' ? broker.operatorToken : app.key);

/** Asks while every statement is one that the database does not know. */
const mistakenly = async (ask: () => Promise<Response>): Promise<void> => {
  d1.failWhen(() => 'mistaken');
  const answer = await ask();
  d1.failWhen(undefined);
  expect(answer.status).toBe(500);
  const text = await answer.text();
  expect(text).toContain('internal_error');
  expect(text).not.toMatch(/mistaken_column|D1|SQLITE/);
  const requestId = answer.headers.get('X-Request-Id') ?? '';
  expect(broker.logs).toContainEqual({ level: 'error', event: 'bug', requestId, reason: 'Error' });
};

test('where we made a mistake, who is on the way to Withings or back is told so', async () => {
  const { authorizeUrl } = await openLink(broker, authPath(app, 'ada'));
  const callback = await consent(broker, authorizeUrl, 'nora');
  await mistakenly(() => broker.request(authPath(app, 'ada')));
  await mistakenly(() => broker.request(callback));
});

describe.each(guarded.map((operation) => [operation.id, operation] as const))('%s', (_, operation) => {
  const codes = problemsOf(operation);

  test('without a credential, with a mistyped one and with an unknown one: 401, and no query is made', async () => {
    d1.reset();
    const missing = await send(operation, {});
    expect(missing.status).toBe(401);
    expect(missing.headers.get('WWW-Authenticate')).toBe('Bearer realm="mushu"');
    expect(codes).toContain(await codeIn(missing));
    for (const credential of ['x', good(operation).slice(0, -1), `${good(operation)}0`]) {
      expect((await send(operation, { credential })).status).toBe(401);
    }
    expect(d1.calls()).toBe(0);
  });

  test('too often: 429, and when to come back', async () => {
    const asAppTooOften = { credential: app.key, address: '203.0.113.7' };
    const asStrangerTooOften = { address: '203.0.113.7' };
    for (const sent of operation.auth.kind === 'app_key' ? [asAppTooOften, asStrangerTooOften] : [asStrangerTooOften]) {
      const limited = await send(operation, sent);
      expect(limited.status).toBe(429);
      expect(Number(limited.headers.get('Retry-After'))).toBeGreaterThan(0);
      expect(await codeIn(limited)).toBe('rate_limited');
    }
  });

  testWhere(codes.includes('operator_only') && operation.id !== 'createApp')(
    'with a developer’s token: 403',
    async () => {
      const answer = await send(operation, { credential: developer });
      expect(answer.status).toBe(403);
      expect(await codeIn(answer)).toBe('operator_only');
    },
  );

  testWhere(operation.auth.kind === 'access_token')('with an app’s key: 401', async () => {
    expect((await send(operation, { credential: app.key })).status).toBe(401);
  });

  testWhere(codes.includes('insufficient_scope'))('with a key that lacks the scope: 403', async () => {
    if (!('scope' in operation.auth)) throw new Error('an operation without a scope');
    const credential = scopeless[operation.auth.scope];
    expect(await codeIn(await send(operation, { credential }))).toBe('insufficient_scope');
  });

  testWhere(codes.includes('app_not_found'))('about an app that is not there, or not the key’s: 404', async () => {
    const credential = good(operation);
    const appId = operation.auth.kind === 'access_token' ? 'app_0123456789abcdef0123' : other.id;
    const answer = await send(operation, { credential, appId });
    expect(answer.status).toBe(404);
    expect(['app_not_found', 'not_found']).toContain(await codeIn(answer));
  });

  test('while the database does not answer: 503, when to come back, and nothing of the cause', async () => {
    const credential = askedWithQuery(operation);
    d1.failWhen(() => 'refused');
    const answer = await send(operation, { credential });
    d1.failWhen(undefined);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0);
    expect((await answer.json<{ detail: string }>()).detail).not.toMatch(/D1|sqlite|network/i);
  });

  test('where we made a mistake: 500, and nothing of the mistake but in the log', async () => {
    const credential = askedWithQuery(operation);
    await mistakenly(() => send(operation, { credential }));
  });

  testWhere(operation.body !== undefined)(
    'with a body that is none, or not an object, or of another shape: 400',
    async () => {
      for (const body of ['{', '[]', '{"unknown_field":1}', '']) {
        const answer = await send(operation, { credential: good(operation), body });
        expect(answer.status, body).toBe(400);
      }
    },
  );

  testWhere(operation.method !== 'get')('with a body beyond the limit: 413', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(70_000) });
    expect(await codeIn(await send(operation, { credential: good(operation), body }))).toBe('body_too_large');
  });

  testWhere(operation.path.includes('{user_id}'))('about a user id that is none: 400', async () => {
    const answer = await send(operation, { credential: good(operation), userId: 'a%20b' });
    expect(await codeIn(answer)).toBe('invalid_parameter');
  });

  const bounded = Object.keys(operation.query?.shape ?? {}).find(
    (name) => operation.query?.safeParse({ [name]: TOO_LONG }).success === false,
  );
  testWhere(bounded !== undefined)('with a parameter beyond its length: 400', async () => {
    const answer = await send(operation, { credential: good(operation), query: `?${bounded}=${TOO_LONG}` });
    expect(await codeIn(answer)).toBe('invalid_parameter');
  });
});

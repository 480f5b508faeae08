import { inspect } from 'node:util';

import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { backendOf } from '../../src/broker/access/admit-backend.ts';
import { manageApp } from '../../src/broker/access/admit-manager.ts';
import { mintUserToken } from '../../src/broker/access/mint-user-token.ts';
import { createApiKey } from '../../src/broker/apps/manage-keys.ts';
import { mintConnectSession } from '../../src/broker/link/mint-connect-session.ts';
import { openToken, sealTokens } from '../../src/broker/tokens/sealed-tokens.ts';
import { parseConfig } from '../../src/config.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { secret } from '../../src/domain/secret.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import { CLIENT_ID, CLIENT_SECRET, connect, makeApp, ORIGIN, startBroker, WOMOJI } from '../support/broker.ts';

const KEY = 'BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc';

test('printing what use cases hold prints no key, client secret or operator token', async () => {
  const broker = await startBroker({ bindings: { KEYRING: JSON.stringify({ current: 'k', keys: { k: KEY } }) } });
  const { db: _, links: __, ...deps } = await broker.deps();
  await deps.keyring.derive('k', 'seal-token');
  const printed = `${inspect(deps, { depth: 8, showHidden: true })} ${JSON.stringify(deps)}`;
  for (const secret of [KEY, CLIENT_SECRET, broker.operatorToken]) expect(printed).not.toContain(secret);
});

test('printing what use cases hand to each other prints no token, code or key, and finds one that is revealed', async () => {
  const broker = await startBroker();
  const deps = await broker.deps();
  const app = await makeApp(broker);
  const { userid = 0 } = [...broker.simulator.state.people.list()][0] ?? {};
  const redirectUri = `${ORIGIN}/withings/callback`;
  const code = broker.simulator.state.codes.issue({
    clientId: CLIENT_ID,
    userid,
    scopes: ['user.metrics'],
    redirectUri,
  });
  const granted = await deps.withings.reserve({ share: 'link' }, 1);
  if (!granted.ok) throw new Error(granted.failure.kind);
  const grant = await deps.withings.exchangeCode(granted.value, { code: secret(code), redirectUri });
  if (!grant.ok) throw new Error(grant.failure.kind);
  const owner = { appId: app.id, connectionId: asConnectionId(1) };
  const sealed = await sealTokens(deps, owner, grant.value);
  const opened = await openToken(deps, owner, 'refresh_token', sealed.refreshTokenSealed);
  const managed = await manageApp(deps, { account: undefined, token: undefined, surface: 'api' }, app.id);
  if (!managed.ok || !opened.ok) throw new Error('no app, or no token');
  const backend = backendOf(managed.value);
  if (!backend.ok) throw new Error(backend.failure.kind);
  const made = await createApiKey(deps, managed.value, { name: 'second', scopes: ['read'] });
  if (!made.ok) throw new Error(made.failure.kind);
  const { accessToken, refreshToken } = grant.value;
  const userToken = await mintUserToken(deps, backend.value, asUserId('ada'));
  if (!userToken.ok) throw new Error(userToken.failure.kind);
  const session = await mintConnectSession(deps, backend.value, { userId: asUserId('ada'), redirectUri: WOMOJI });

  const held = { grant, opened, made, userToken, session, presented: secret(app.key) };
  const printed = (value: unknown) =>
    `${inspect(value, { depth: 9, showHidden: true })} ${JSON.stringify(value)} ${inspect(new Error('x', { cause: value }))}`;
  const values = [accessToken, refreshToken, opened.value, made.value.key, userToken.value.token].map((one) =>
    one.reveal(),
  );
  for (const value of [...values, app.key]) {
    expect(value.length).toBeGreaterThan(30);
    expect(printed(held)).not.toContain(value);
    expect(printed({ held, planted: { value } })).toContain(value);
  }
  expect(printed(held)).toContain('[redacted]');
});

test('a configuration that is not good names its variables, never their values', async () => {
  const secrets = { KEYRING: 'secret-keyring', OPERATOR_TOKEN: 'secret-token', WITHINGS_CLIENT_SECRET: '' };
  for (const KEYRING of ['secret-keyring', '{"current":"k","keys":{"k":"secret-root-key"}}']) {
    const parsed = await parseConfig({ DB: env.DB, LINKS: env.LINKS, ...secrets, KEYRING });
    expect(parsed.ok).toBe(false);
    expect(JSON.stringify(parsed)).not.toMatch(/secret-/);
  }
});

test('linking, confirming and disconnecting are logged by a keyed hash of the user, the same each time', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  await connect(broker, app, 'ada-lovelace', [...broker.simulator.state.people.list()][0]?.id ?? '');
  await app.call('DELETE', '/withings/disconnect/ada-lovelace');
  const hashes = broker.logs.filter(({ event }) => event === 'link').map(({ userHash }) => userHash);
  expect(hashes).toHaveLength(2);
  expect(new Set(hashes).size).toBe(1);
  expect(hashes[0]).toMatch(/^user_[0-9a-f]{24}$/);
  expect(JSON.stringify(broker.logs)).not.toContain('ada-lovelace');
});

import { inspect } from 'node:util';

import { expect, test } from 'vitest';

import { type Bindings, parseConfig } from '../../src/config.ts';
import { CLIENT_SECRET, connect, makeApp, startBroker } from '../support/broker.ts';

const KEY = 'BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc';

test('printing what use cases hold prints no key, client secret or operator token', async () => {
  const broker = await startBroker({ bindings: { KEYRING: JSON.stringify({ current: 'k', keys: { k: KEY } }) } });
  const { db: _, links: __, ...deps } = await broker.deps();
  await deps.keyring.derive('k', 'seal-token');
  const printed = `${inspect(deps, { depth: 8, showHidden: true })} ${JSON.stringify(deps)}`;
  for (const secret of [KEY, CLIENT_SECRET, broker.operatorToken]) expect(printed).not.toContain(secret);
});

test('a configuration that is not good names its variables, never their values', async () => {
  const secrets = { KEYRING: 'secret-keyring', OPERATOR_TOKEN: 'secret-token', WITHINGS_CLIENT_SECRET: '' };
  for (const KEYRING of ['secret-keyring', '{"current":"k","keys":{"k":"secret-root-key"}}']) {
    const parsed = await parseConfig({ ...secrets, KEYRING } as unknown as Bindings);
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

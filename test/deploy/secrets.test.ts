import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { mustBeSameClient, secretsToSend } from '../../scripts/deploy/secrets.ts';
import { openStateDir } from '../../scripts/deploy/state-dir.ts';
import { mintSecrets } from '../../scripts/secrets.ts';

const GIVEN = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };
const ALL = ['KEYRING', 'OPERATOR_TOKEN', ...Object.keys(GIVEN)];

const emptyFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'mushu-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return openStateDir(folder);
};

describe('the secrets of a deployment', () => {
  test('are the same in every run until the Worker has them, and then none is sent', async () => {
    const stateDir = emptyFolder();
    const first = await secretsToSend(GIVEN, [], stateDir, false);
    expect(await secretsToSend(GIVEN, [], stateDir, false)).toEqual(first);
    expect(await secretsToSend({}, ALL, stateDir, false)).toEqual({});
    expect(statSync(stateDir.path('secrets.json')).mode & 0o077).toBe(0);
  });

  test('from the environment come before those that would be made, and replace none that the Worker has', async () => {
    const { keyring, operatorToken } = await mintSecrets();
    const given = { ...GIVEN, KEYRING: keyring, OPERATOR_TOKEN: operatorToken };
    const stateDir = emptyFolder();
    expect(await secretsToSend(given, [], stateDir, true)).toEqual(given);
    expect(await secretsToSend(given, ALL, stateDir, true)).toEqual(GIVEN);
    expect(stateDir.secrets()).toBeUndefined();
  });

  test('in the file are those that are sent, also if one of them is made and the other given', async () => {
    const { keyring: KEYRING } = await mintSecrets();
    const stateDir = emptyFolder();
    const first = await secretsToSend({ ...GIVEN, KEYRING }, [], stateDir, false);
    expect(first).toMatchObject({ ...GIVEN, KEYRING });
    expect(stateDir.secrets()).toEqual({ KEYRING, OPERATOR_TOKEN: first['OPERATOR_TOKEN'] });
    // The first upload failed, and the shell of the next run has no keyring.
    expect(await secretsToSend(GIVEN, [], stateDir, false)).toEqual(first);
    const another = (await mintSecrets()).keyring;
    await secretsToSend({ ...GIVEN, ...first, KEYRING: another }, [], stateDir, false);
    expect(stateDir.secrets()).toEqual({ KEYRING: another, OPERATOR_TOKEN: first['OPERATOR_TOKEN'] });
    const made = emptyFolder();
    await secretsToSend(GIVEN, ['OPERATOR_TOKEN'], made, false);
    expect(Object.keys(made.secrets() ?? {})).toEqual(['KEYRING']);
  });

  test('that the Worker would refuse are refused before anything is made', async () => {
    const { operatorToken } = await mintSecrets();
    const refused = { ...GIVEN, KEYRING: '{"current":"k1","keys":{"k1":"short"}}', OPERATOR_TOKEN: operatorToken };
    await expect(secretsToSend(refused, [], emptyFolder(), true)).rejects.toThrow('is not 32 bytes');
    const mistyped = { ...GIVEN, OPERATOR_TOKEN: `${operatorToken}0` };
    await expect(secretsToSend(mistyped, ['KEYRING'], emptyFolder(), true)).rejects.toThrow('OPERATOR_TOKEN is not');
  });

  test('are not made in continuous integration, where they would be lost', async () => {
    const stateDir = emptyFolder();
    await expect(secretsToSend(GIVEN, [], stateDir, true)).rejects.toThrow('needs KEYRING and OPERATOR_TOKEN');
    expect(stateDir.secrets()).toBeUndefined();
  });

  test('of Withings are asked for by name at the first deployment only', async () => {
    await expect(secretsToSend({}, [], emptyFolder(), false)).rejects.toThrow('needs WITHINGS_CLIENT_ID');
    const { WITHINGS_CLIENT_ID: _, ...halfGiven } = GIVEN;
    expect(await secretsToSend(halfGiven, ALL, emptyFolder(), false)).toEqual(halfGiven);
  });
});

describe('another Withings client than the deployment before', () => {
  const earlier = { accountId: 'a', withingsClientId: 'id-1' };

  test('is refused in a sentence that names both and the way on', () => {
    const check = () => mustBeSameClient({ WITHINGS_CLIENT_ID: 'id-2' }, ALL, earlier);
    expect(check).toThrow('belong to the Withings client id-1');
    expect(check).toThrow('another one, id-2');
    expect(check).toThrow('--replace-client');
  });

  test('is none where the client is the same, not given, not known, or not deployed yet', () => {
    expect(() => mustBeSameClient(GIVEN, ALL, earlier)).not.toThrow();
    expect(() => mustBeSameClient({ WITHINGS_CLIENT_SECRET: 'rotated' }, ALL, earlier)).not.toThrow();
    expect(() => mustBeSameClient({ WITHINGS_CLIENT_ID: 'id-2' }, ALL, { accountId: 'a' })).not.toThrow();
    expect(() => mustBeSameClient({ WITHINGS_CLIENT_ID: 'id-2' }, ['KEYRING'], earlier)).not.toThrow();
  });
});

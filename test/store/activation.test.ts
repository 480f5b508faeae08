import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { asAppId } from '../../src/domain/app-id.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import { openDatabase } from '../../src/store/d1.ts';
import { activateConnection } from '../../src/store/link/activation.ts';
import { disconnectUser } from '../../src/store/link/connections.ts';
import { meterD1 } from '../support/d1-meter.ts';

const NOW = Date.UTC(2026, 5, 15);
const APP = asAppId('app_activation');

const event = { appId: APP, id: 'evt_1', type: 'connection.created' as const, at: NOW };

const activation = {
  event,
  id: asConnectionId(4_711),
  appId: APP,
  userId: asUserId('ada'),
  withingsUserId: '37558631',
  scope: 'user.metrics',
  accessTokenSealed: 'access',
  refreshTokenSealed: 'refresh',
  accessExpiresAt: NOW + 1,
  nextRefreshAt: NOW + 1,
  rotationId: 'activation-1',
  mayReplace: false,
  historyOnConnect: 'all' as const,
  isDemo: false,
  ticketHash: null,
};

const random = (size: number) => new Uint8Array(size);

const stored = () =>
  env.DB.prepare('SELECT state, refresh_token_sealed FROM connections WHERE id = ?').bind(activation.id).first();

beforeEach(async () => {
  await env.DB.batch([
    env.DB.prepare('DELETE FROM connections'),
    env.DB.prepare('DELETE FROM apps'),
    env.DB.prepare(`INSERT INTO apps (id, name, created_at, shared_accounts) VALUES (?, 'App', 0, 'refuse')`).bind(APP),
  ]);
});

test('a disconnect between an activation whose answer was lost and its next try is not undone', async () => {
  const clock = { now: () => NOW, sleep: async () => undefined, random };
  const untroubled = openDatabase(env.DB, { ...clock, memory: {} });
  const d1 = meterD1(env.DB);
  // The pause before the next try is when the disconnect comes.
  const sleep = async () => {
    expect(await stored()).toEqual({ state: 'active', refresh_token_sealed: 'refresh' });
    await disconnectUser(untroubled, { appId: APP, userId: asUserId('ada') }, NOW, {
      audit: env.DB.prepare('SELECT 1'),
      event,
    });
  };
  d1.reset();
  d1.failWhen(({ number }) => (number === 1 ? 'answer_lost' : undefined));
  const activated = await activateConnection(openDatabase(d1.d1, { ...clock, sleep, memory: {} }), activation, NOW, []);
  expect(activated).toEqual({ ok: true, value: true });
  expect(await stored()).toEqual({ state: 'disconnected', refresh_token_sealed: null });
});

describe('an activation that was decided on what no longer holds changes nothing', () => {
  const db = openDatabase(env.DB, { now: () => NOW, sleep: async () => undefined, random, memory: {} });
  const renewed = { ...activation, rotationId: 'activation-2', refreshTokenSealed: 'other', mayReplace: true };
  const alongside = () => [env.DB.prepare(`UPDATE apps SET name = 'changed' WHERE id = ?`).bind(APP)];

  beforeEach(async () => {
    expect(await activateConnection(db, activation, NOW, [])).toEqual({ ok: true, value: true });
  });

  test.each([
    [
      'the Withings account is another user’s, and the app refuses that',
      { ...renewed, id: asConnectionId(4_712), userId: asUserId('eve') },
    ],
    [
      'the connection to the account stands under another id, to which the tokens are not sealed',
      { ...renewed, id: asConnectionId(4_712) },
    ],
    ['the ticket is spent', { ...renewed, ticketHash: 'spent' }],
    ['the app is gone', { ...renewed, id: asConnectionId(4_713), appId: asAppId('app_gone') }],
    [
      'a live connection to another account does not give way',
      { ...renewed, id: asConnectionId(4_712), withingsUserId: '1', mayReplace: false },
    ],
  ])('%s', async (_, late) => {
    const tables = () => env.DB.batch(['connections', 'apps'].map((table) => env.DB.prepare(`SELECT * FROM ${table}`)));
    const rows = async () => (await tables()).map(({ results }) => results);
    const before = await rows();
    expect(await activateConnection(db, late, NOW + 1, alongside())).toEqual({ ok: true, value: false });
    expect(await rows()).toEqual(before);
  });

  test('and one that still holds is made, in an app that allows one account under two users as well', async () => {
    await env.DB.prepare(`UPDATE apps SET shared_accounts = 'allow'`).run();
    const shared = { ...renewed, id: asConnectionId(4_712), userId: asUserId('eve') };
    for (const made of [renewed, shared]) {
      expect(await activateConnection(db, made, NOW + 1, alongside())).toEqual({ ok: true, value: true });
    }
  });
});

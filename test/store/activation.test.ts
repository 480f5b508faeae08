import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { activateConnection, disconnectUser } from '../../src/store/connections.ts';
import { openDatabase } from '../../src/store/d1.ts';
import { meterD1 } from '../support/d1-meter.ts';

const NOW = Date.UTC(2026, 5, 15);
const APP = 'app_activation';

const activation = {
  id: 4_711,
  appId: APP,
  userId: 'ada',
  withingsUserId: '37558631',
  scope: 'user.metrics',
  accessTokenSealed: 'access',
  refreshTokenSealed: 'refresh',
  accessExpiresAt: NOW + 1,
  nextRefreshAt: NOW + 1,
  rotationId: 'activation-1',
  mayReplace: false,
};

const stored = () =>
  env.DB.prepare('SELECT state, refresh_token_sealed FROM connections WHERE id = ?').bind(activation.id).first();

test('a disconnect between an activation whose answer was lost and its next try is not undone', async () => {
  const clock = { now: () => NOW, sleep: async () => undefined };
  const untroubled = openDatabase(env.DB, clock);
  const d1 = meterD1(env.DB);
  // The pause before the next try is when the disconnect comes.
  const sleep = async () => {
    expect(await stored()).toEqual({ state: 'active', refresh_token_sealed: 'refresh' });
    await disconnectUser(untroubled, { appId: APP, userId: 'ada' }, NOW, env.DB.prepare('SELECT 1'));
  };
  d1.reset();
  d1.failWhen(({ number }) => (number === 1 ? 'answer_lost' : undefined));
  const activated = await activateConnection(openDatabase(d1.d1, { ...clock, sleep }), activation, NOW, []);
  expect(activated).toEqual({ ok: true, value: true });
  expect(await stored()).toEqual({ state: 'disconnected', refresh_token_sealed: null });
});

import { describe, expect, test } from 'vitest';

import { advanceSeconds, app, connect, form, getmeas, otherApp, refresh, standingSimulator } from './driver.ts';

const HOUR = 60 * 60;
const YEAR = 365 * 24 * HOUR;
const invalidRefreshToken = '{"status":503,"body":{},"error":"Invalid Params: invalid refresh_token"}';

describe('refreshing', () => {
  test('an unknown refresh token gets the recorded 72 bytes', async () => {
    const simulator = standingSimulator();
    const response = await simulator.fetch(
      'https://wbsapi.withings.net/v2/oauth2',
      form({
        action: 'requesttoken',
        grant_type: 'refresh_token',
        client_id: app.clientId,
        client_secret: app.clientSecret,
        refresh_token: 'f'.repeat(40),
      }),
    );
    const text = await response.text();
    expect(text).toBe(invalidRefreshToken);
    expect(text).toHaveLength(72);
  });

  test('a refresh answers with a new pair and the userid as an integer: 220 bytes for eight digits', async () => {
    const simulator = standingSimulator();
    const first = await connect(simulator);
    const { status, body } = await refresh(simulator, first.refresh_token);
    expect(status).toBe(0);
    expect(body.userid).toBe(38_204_117);
    expect(body.access_token).not.toBe(first.access_token);
    expect(body.refresh_token).not.toBe(first.refresh_token);
    expect(JSON.stringify({ status, body })).toHaveLength(220);
  });

  test('the old refresh token is dead once the new access token was used', async () => {
    const simulator = standingSimulator();
    const first = await connect(simulator);
    const second = (await refresh(simulator, first.refresh_token)).body;
    expect((await getmeas(simulator, second.access_token)).status).toBe(0);
    advanceSeconds(simulator, 11);
    expect((await refresh(simulator, first.refresh_token)).error).toBe('Invalid Params: invalid refresh_token');
    expect((await refresh(simulator, second.refresh_token)).status).toBe(0);
  });

  test('a use that fails counts as a use', async () => {
    const simulator = standingSimulator();
    const first = await connect(simulator, 'nora', { scope: 'user.info' });
    const second = (await refresh(simulator, first.refresh_token)).body;
    expect((await getmeas(simulator, second.access_token)).status).toBe(403);
    advanceSeconds(simulator, 11);
    expect((await refresh(simulator, first.refresh_token)).status).toBe(503);
  });

  test('until then the old one gives another new pair, but not after 8 hours', async () => {
    const simulator = standingSimulator();
    const first = await connect(simulator);
    await refresh(simulator, first.refresh_token);
    advanceSeconds(simulator, 8 * HOUR - 1);
    const third = await refresh(simulator, first.refresh_token);
    expect(third.status).toBe(0);
    advanceSeconds(simulator, 1);
    expect((await refresh(simulator, first.refresh_token, { again: '1' })).status).toBe(503);
    expect((await refresh(simulator, third.body.refresh_token)).status).toBe(0);
  });

  test('of two pairs from one old token, using the later ends the earlier', async () => {
    const simulator = standingSimulator();
    const first = await connect(simulator);
    const lost = (await refresh(simulator, first.refresh_token)).body;
    advanceSeconds(simulator, 11);
    const kept = (await refresh(simulator, first.refresh_token)).body;
    await getmeas(simulator, kept.access_token);
    expect((await refresh(simulator, lost.refresh_token)).status).toBe(503);
    expect((await refresh(simulator, kept.refresh_token)).status).toBe(0);
  });

  test('using the older access token does not end the refresh tokens', async () => {
    const simulator = standingSimulator();
    const first = await connect(simulator);
    await refresh(simulator, first.refresh_token);
    await getmeas(simulator, first.access_token);
    advanceSeconds(simulator, 11);
    expect((await refresh(simulator, first.refresh_token)).status).toBe(0);
  });

  test('a refresh token is bound to its client', async () => {
    const simulator = standingSimulator();
    const { refresh_token: token } = await connect(simulator);
    const stolen = await refresh(simulator, token, {
      client_id: otherApp.clientId,
      client_secret: otherApp.clientSecret,
    });
    expect(stolen.status).toBe(503);
    expect((await refresh(simulator, token)).status).toBe(0);
  });

  test('an access token lives 3 hours, also after a refresh unless the switch says otherwise', async () => {
    const simulator = standingSimulator();
    const first = await connect(simulator);
    await refresh(simulator, first.refresh_token);
    advanceSeconds(simulator, 3 * HOUR - 1);
    expect((await getmeas(simulator, first.access_token)).status).toBe(0);
    advanceSeconds(simulator, 1);
    expect((await getmeas(simulator, first.access_token)).status).toBe(401);

    simulator.state.settings.refreshKillsAccessToken = true;
    const fresh = await connect(simulator);
    advanceSeconds(simulator, 11);
    const renewed = (await refresh(simulator, fresh.refresh_token)).body;
    expect((await getmeas(simulator, fresh.access_token)).status).toBe(401);
    expect((await getmeas(simulator, renewed.access_token)).status).toBe(0);
  });

  test('a refresh token lives one year', async () => {
    const simulator = standingSimulator();
    const one = await connect(simulator, 'nora');
    const two = await connect(simulator, 'ines');
    advanceSeconds(simulator, YEAR - 1);
    expect((await refresh(simulator, one.refresh_token)).status).toBe(0);
    advanceSeconds(simulator, 1);
    expect((await refresh(simulator, two.refresh_token)).status).toBe(503);
  });
});

describe('several grants of one person to one client', () => {
  test('live side by side', async () => {
    const simulator = standingSimulator();
    const one = await connect(simulator);
    const two = await connect(simulator);
    const renewed = (await refresh(simulator, two.refresh_token)).body;
    await getmeas(simulator, renewed.access_token);
    expect((await refresh(simulator, one.refresh_token)).status).toBe(0);
    advanceSeconds(simulator, 11);
    expect((await getmeas(simulator, one.access_token)).status).toBe(0);
  });

  test('or the newer ends the older, by the switch, and nobody else’s', async () => {
    const simulator = standingSimulator({ settings: { newGrantKillsOlder: true } });
    const one = await connect(simulator);
    const ines = await connect(simulator, 'ines');
    const two = await connect(simulator);
    expect((await getmeas(simulator, one.access_token)).status).toBe(401);
    expect((await refresh(simulator, one.refresh_token)).status).toBe(503);
    expect((await getmeas(simulator, two.access_token)).status).toBe(0);
    expect((await getmeas(simulator, ines.access_token)).status).toBe(0);
  });
});

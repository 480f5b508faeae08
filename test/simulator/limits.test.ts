import { describe, expect, test } from 'vitest';

import {
  advanceSeconds,
  app,
  codeFor,
  connect,
  exchange,
  getmeas,
  otherApp,
  refresh,
  standingSimulator,
} from './driver.ts';

const sameArguments = 'Same arguments in less than 10 seconds';

describe('identical arguments within 10 s', () => {
  test('are refused for token requests, whatever became of the first', async () => {
    const simulator = standingSimulator();
    expect((await refresh(simulator, 'unknown')).status).toBe(503);
    expect(await refresh(simulator, 'unknown')).toEqual({ status: 601, body: {}, error: sameArguments });
  });

  test('are refused by account: a second connection of the same person collides, another person does not', async () => {
    const simulator = standingSimulator();
    const one = await connect(simulator);
    const two = await connect(simulator);
    const ines = await connect(simulator, 'ines');
    const window = { startdate: '0', enddate: '1800000000' };
    expect((await getmeas(simulator, one.access_token, window)).status).toBe(0);
    expect((await getmeas(simulator, two.access_token, window)).status).toBe(601);
    expect((await getmeas(simulator, ines.access_token, window)).status).toBe(0);
    expect((await getmeas(simulator, two.access_token, { ...window, enddate: '1800000001' })).status).toBe(0);
  });

  test('are the same in any order, by any token and as a form field', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    expect((await getmeas(simulator, token, { category: '1', meastype: '1' })).status).toBe(0);
    expect((await getmeas(simulator, token, { meastype: '1', category: '1' })).status).toBe(601);
    expect((await getmeas(simulator, token, { meastype: '1', category: '1', access_token: token })).status).toBe(601);
  });

  test('are refused after a failed data call', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    expect((await getmeas(simulator, token, { meastypes: 'x' })).status).toBe(503);
    expect((await getmeas(simulator, token, { meastypes: 'x' })).status).toBe(601);
  });

  test('stay refused while they are repeated, and pass after 10 s of silence', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    expect((await getmeas(simulator, token)).status).toBe(0);
    advanceSeconds(simulator, 9);
    expect((await getmeas(simulator, token)).status).toBe(601);
    advanceSeconds(simulator, 9);
    expect((await getmeas(simulator, token)).status).toBe(601);
    advanceSeconds(simulator, 10);
    expect((await getmeas(simulator, token)).status).toBe(0);
  });

  test('say how long to wait where the switch says so', async () => {
    const simulator = standingSimulator({ settings: { tellWaitSeconds: true, sameArgumentsSeconds: 188 } });
    await refresh(simulator, 'unknown');
    expect(await refresh(simulator, 'unknown')).toEqual({
      status: 601,
      body: { wait_seconds: 188 },
      error: sameArguments,
    });
    advanceSeconds(simulator, 187);
    expect((await refresh(simulator, 'unknown')).status).toBe(601);
  });

  test('do not matter where the token was rejected: no account is known', async () => {
    const simulator = standingSimulator();
    const { access_token: token, refresh_token: refreshToken } = await connect(simulator);
    advanceSeconds(simulator, 3 * 60 * 60);
    expect((await getmeas(simulator, token)).status).toBe(401);
    const renewed = (await refresh(simulator, refreshToken)).body;
    expect((await getmeas(simulator, renewed.access_token)).status).toBe(0);
  });
});

describe('more than 120 calls a minute', () => {
  test('of one client are refused, people and services together; other clients are not affected', async () => {
    const simulator = standingSimulator();
    const { access_token: nora } = await connect(simulator);
    const { access_token: ines } = await connect(simulator, 'ines');
    const otherCode = await codeFor(simulator, 'nora', { client_id: otherApp.clientId });
    for (let call = 0; call < 118; call += 1) {
      const token = call % 2 === 0 ? nora : ines;
      expect((await getmeas(simulator, token, { lastupdate: String(call) })).status).toBe(0);
    }
    expect((await getmeas(simulator, nora, { lastupdate: '1000' })).status).toBe(601);
    expect((await refresh(simulator, 'unknown')).status).toBe(601);
    const other = { client_id: otherApp.clientId, client_secret: otherApp.clientSecret };
    expect((await exchange(simulator, otherCode, other)).status).toBe(0);
    expect(simulator.state.limits.maxCallsPerMinute()).toBe(123);
  });

  test('the window slides', async () => {
    const simulator = standingSimulator({ settings: { callsPerMinute: 3 } });
    const { access_token: token } = await connect(simulator);
    advanceSeconds(simulator, 30);
    expect((await getmeas(simulator, token, { lastupdate: '1' })).status).toBe(0);
    expect((await getmeas(simulator, token, { lastupdate: '2' })).status).toBe(0);
    expect((await getmeas(simulator, token, { lastupdate: '3' })).status).toBe(601);
    advanceSeconds(simulator, 30);
    // The exchange has left the window; the refused call has not.
    expect((await getmeas(simulator, token, { lastupdate: '4' })).status).toBe(601);
    advanceSeconds(simulator, 30);
    expect((await getmeas(simulator, token, { lastupdate: '5' })).status).toBe(0);
  });

  test('a refused token request takes no effect', async () => {
    const simulator = standingSimulator({ settings: { callsPerMinute: 1 } });
    const first = await connect(simulator);
    expect((await refresh(simulator, first.refresh_token)).status).toBe(601);
    expect(simulator.state.grants.all()[0]?.pairs).toHaveLength(1);
    expect(app.clientId).toBe(simulator.state.grants.all()[0]?.clientId);
  });
});

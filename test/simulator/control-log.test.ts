import { describe, expect, test } from 'vitest';

import {
  app,
  codeFor,
  connect,
  control,
  exchange,
  getmeas,
  refresh,
  standingSimulator,
  START_SECONDS,
} from './driver.ts';

describe('clock, settings and clients', () => {
  test('the clock is set, advanced, frozen and resumed', async () => {
    let realMs = START_SECONDS * 1000;
    const simulator = standingSimulator({ now: () => realMs });
    const clock = async (body: object) => (await control(simulator, 'POST', '/clock', body)).json;
    realMs += 5000;
    expect((await control(simulator, 'GET', '/clock')).json['now']).toBe(START_SECONDS + 5);
    expect(await clock({ advance_seconds: 60 })).toMatchObject({ now: START_SECONDS + 65, frozen: false });
    expect(await clock({ now: '2030-01-01T00:00:00Z', frozen: true })).toEqual({
      now: 1_893_456_000,
      iso: '2030-01-01T00:00:00.000Z',
      frozen: true,
    });
    realMs += 5000;
    expect(await clock({ advance_seconds: 10 })).toMatchObject({ now: 1_893_456_010, frozen: true });
    expect(await clock({ frozen: false })).toMatchObject({ now: 1_893_456_010, frozen: false });
    realMs += 5000;
    expect(await clock({ now: 1000 })).toMatchObject({ now: 1000 });
    realMs += 5000;
    expect((await control(simulator, 'GET', '/clock')).json['now']).toBe(1005);
  });

  test('settings change one by one and count from the next call', async () => {
    const simulator = standingSimulator();
    const { json } = await control(simulator, 'PATCH', '/settings', { page_size: 2, order: 'reversed' });
    expect(json).toMatchObject({ page_size: 2, order: 'reversed', calls_per_minute: 120 });
    const { access_token: token } = await connect(simulator);
    expect((await getmeas(simulator, token)).body.measuregrps).toHaveLength(2);
    expect((await control(simulator, 'PATCH', '/settings', { page_size: 0 })).httpStatus).toBe(400);
  });

  test('a client is registered and listed without its secret', async () => {
    const simulator = standingSimulator();
    const client = {
      client_id: 'new',
      client_secret: 'its secret',
      redirect_uris: ['https://new.example/cb'],
    };
    expect((await control(simulator, 'POST', '/clients', client)).httpStatus).toBe(201);
    const { json } = await control(simulator, 'GET', '/clients');
    expect(JSON.stringify(json)).not.toContain('its secret');
    const params = { client_id: 'new', redirect_uri: 'https://new.example/cb' };
    const code = await codeFor(simulator, 'nora', params);
    const fields = { client_id: 'new', client_secret: 'its secret', redirect_uri: 'https://new.example/cb' };
    expect((await exchange(simulator, code, fields)).status).toBe(0);
  });
});

describe('the log of calls', () => {
  test('tells what was received and how it ended, and holds no secret', async () => {
    const simulator = standingSimulator();
    const code = await codeFor(simulator);
    const { body } = await exchange(simulator, code);
    await getmeas(simulator, body.access_token, { lastupdate: '1' });
    await control(simulator, 'POST', '/faults', { kind: 'html', action: 'getmeas' });
    await simulator.fetch('https://wbsapi.withings.net/measure?action=getmeas', {
      headers: { authorization: `Bearer ${body.access_token}` },
    });
    await refresh(simulator, body.refresh_token);
    const { json } = await control(simulator, 'GET', '/calls');
    expect(json['data']).toMatchObject([
      { path: '/oauth2_user/authorize2', method: 'POST', person: 'nora', status: null, http_status: 302 },
      {
        action: 'requesttoken',
        params: { grant_type: 'authorization_code', client_id: app.clientId },
        person: 'nora',
        status: 0,
        client_id: app.clientId,
      },
      { action: 'getmeas', params: { lastupdate: '1' }, person: 'nora', status: 0, fault: null },
      { action: 'getmeas', method: 'GET', person: 'nora', status: null, fault: 'html' },
      { action: 'requesttoken', params: { grant_type: 'refresh_token' }, person: 'nora', status: 0 },
    ]);
    const text = JSON.stringify(json);
    for (const secret of [code, body.access_token, body.refresh_token, app.clientSecret]) {
      expect(text).not.toContain(secret);
    }
    const calls = json['data'] as { token: string | null }[];
    expect(calls[2]?.token).toMatch(/^sha256:[0-9a-f]{16}$/);
    expect(calls[3]?.token).toBe(calls[2]?.token);
  });

  test('is filtered, counted and cleared', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    await connect(simulator, 'ines');
    await getmeas(simulator, token);
    const filtered = await control(simulator, 'GET', '/calls?action=getmeas&person=nora');
    expect(filtered.json['data']).toHaveLength(1);
    expect((await control(simulator, 'GET', '/stats')).json).toMatchObject({
      calls: 5,
      calls_by_action: { requesttoken: 2, getmeas: 1, '/oauth2_user/authorize2': 2 },
      calls_by_status: { '0': 3, null: 2 },
      max_calls_in_60_seconds: 3,
      live_grants: 2,
    });
    expect((await control(simulator, 'DELETE', '/calls')).httpStatus).toBe(204);
    expect((await control(simulator, 'GET', '/stats')).json).toMatchObject({
      calls: 0,
      max_calls_in_60_seconds: 0,
    });
  });
});

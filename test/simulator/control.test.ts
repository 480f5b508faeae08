import { describe, expect, test } from 'vitest';

import {
  app,
  authorizeUrl,
  codeFor,
  connect,
  control,
  exchange,
  getmeas,
  refresh,
  standingSimulator,
  START_SECONDS,
} from './driver.ts';

describe('what it refuses', () => {
  test.each([
    {
      name: 'a field it does not know',
      path: '/faults',
      body: { kind: 'html', actoin: 'getmeas' },
      says: 'actoin',
    },
    { name: 'an unknown kind of fault', path: '/faults', body: { kind: 'fire' }, says: 'kind' },
    {
      name: 'a weight that is none',
      path: '/people/nora/weigh-ins',
      body: { weight_kg: -1 },
      says: 'weight_kg',
    },
    { name: 'a fault for nobody', path: '/faults', body: { kind: 'html', person: 'nobody' }, says: 'person' },
    { name: 'no weight', path: '/people/nora/weigh-ins', body: {}, says: 'weight_kg' },
    {
      name: 'an unknown time zone',
      path: '/people',
      body: { id: 'x', timezone: 'Mars/Olympus' },
      says: 'timezone',
    },
    { name: 'a taken id', path: '/people', body: { id: 'nora' }, says: 'taken' },
    {
      name: 'two moves at once',
      path: '/clock',
      body: { now: 1, advance_seconds: 1 },
      says: 'advance_seconds',
    },
    { name: 'a list', path: '/faults', body: [], says: 'object' },
  ])('$name: 400 that says so, and nothing changes', async ({ path, body, says }) => {
    const simulator = standingSimulator();
    const people = simulator.state.people.list().length;
    const { httpStatus, json } = await control(simulator, 'POST', path, body);
    expect(httpStatus).toBe(400);
    expect(json['error']).toContain(says);
    expect(simulator.state.faults.list()).toEqual([]);
    expect(simulator.state.people.list()).toHaveLength(people);
    expect(simulator.state.clock.seconds()).toBe(START_SECONDS);
  });

  test('a body that is not JSON, or not said to be', async () => {
    const simulator = standingSimulator();
    const send = (body: string, type: string) =>
      simulator.fetch('http://simulator.localhost/_control/faults', {
        method: 'POST',
        body,
        headers: { 'content-type': type },
      });
    expect((await send('{"kind":"html"}', 'text/plain')).status).toBe(400);
    expect((await send('{"kind":', 'application/json')).status).toBe(400);
    expect(simulator.state.faults.list()).toEqual([]);
  });

  test('unknown people, groups and routes are 404', async () => {
    const simulator = standingSimulator();
    expect((await control(simulator, 'GET', '/people/nobody')).httpStatus).toBe(404);
    expect((await control(simulator, 'PATCH', '/people/nora/weigh-ins/1', { weight_kg: 1 })).httpStatus).toBe(404);
    expect((await control(simulator, 'DELETE', '/people/nora/groups/1')).httpStatus).toBe(404);
    expect((await control(simulator, 'GET', '/peoples')).httpStatus).toBe(404);
  });
});

describe('people and weigh-ins', () => {
  test('the index names every route', async () => {
    const { json } = await control(standingSimulator(), 'GET', '');
    expect(Object.keys(json)).toEqual(
      expect.arrayContaining(['people', 'clock', 'faults', 'calls', 'settings', 'grants', 'stats', 'clients']),
    );
  });

  test('a person is added with a height, connects, and is removed with all tokens', async () => {
    const simulator = standingSimulator();
    const added = await control(simulator, 'POST', '/people', { id: 'ada', name: 'Ada', height_m: 1.7 });
    expect(added).toMatchObject({ httpStatus: 201, json: { id: 'ada', timezone: 'Europe/Paris' } });
    const { access_token: token } = await connect(simulator, 'ada');
    const { body } = await getmeas(simulator, token);
    expect(body.measuregrps[0]?.measures).toMatchObject([{ type: 4, value: 1700 }]);
    expect((await control(simulator, 'DELETE', '/people/ada')).httpStatus).toBe(204);
    expect((await getmeas(simulator, token)).status).toBe(401);
    expect(await (await simulator.fetch(authorizeUrl())).text()).not.toContain('Ada');
  });

  test('a weigh-in is added as its device makes it, edited in place and deleted without a trace', async () => {
    const simulator = standingSimulator();
    const path = '/people/ines/weigh-ins';
    const added = await control(simulator, 'POST', path, {
      weight_kg: 60.25,
      fat_ratio: 25,
      device: 'body_cardio',
      date: START_SECONDS - 60,
    });
    const groups = added.json['groups'] as { grpid: number; modified: number }[];
    expect(groups).toHaveLength(3);
    const id = groups[0]?.grpid;
    await control(simulator, 'POST', '/clock', { advance_seconds: 100 });
    const edited = await control(simulator, 'PATCH', `${path}/${id}`, { weight_kg: 61 });
    expect(edited.json['groups']).toMatchObject([
      { grpid: id, modified: START_SECONDS + 100 },
      { modified: START_SECONDS + 100 },
      { modified: START_SECONDS + 100 },
    ]);
    const listed = (await control(simulator, 'GET', path)).json['data'] as unknown[];
    expect(listed).toHaveLength(31);
    expect(listed.at(-1)).toEqual({
      date: START_SECONDS - 60,
      model: 'Body Cardio',
      grpids: groups.map(({ grpid }) => grpid),
    });
    expect((await control(simulator, 'DELETE', `${path}/${id}`)).json['deleted']).toHaveLength(3);
    expect((await control(simulator, 'GET', path)).json['data']).toHaveLength(30);
  });

  test('socks, the app and an ambiguous owner give the groups they should', async () => {
    const simulator = standingSimulator();
    const add = async (fields: object) =>
      (await control(simulator, 'POST', '/people/nora/weigh-ins', { weight_kg: 70, ...fields })).json['groups'];
    expect(await add({ weight_only: true })).toMatchObject([{ attrib: 0, modelid: 5, measures: [{ type: 1 }] }]);
    expect(await add({ device: 'manual' })).toMatchObject([
      { attrib: 2, deviceid: null, modelid: null, measures: [{ type: 1, value: 70_000, fm: 128 }] },
    ]);
    expect(await add({ attrib: 1, device: 'body_cardio' })).toMatchObject([
      { attrib: 1 },
      { attrib: 1 },
      { attrib: 1 },
    ]);
  });

  test('a raw group is served as it is given, whatever it holds', async () => {
    const simulator = standingSimulator();
    const measures = [{ value: 4200, type: 4242, unit: -2, position: 99 }];
    const { json } = await control(simulator, 'POST', '/people/nora/groups', {
      measures,
      attrib: 10_009,
      modelid: 777,
      model: 'Not invented yet',
    });
    expect(json['groups']).toMatchObject([{ attrib: 10_009, measures, modelid: 777 }]);
    const { access_token: token } = await connect(simulator);
    const { body } = await getmeas(simulator, token, { meastype: '4242' });
    expect(body.measuregrps).toMatchObject([{ attrib: 10_009, measures, model: 'Not invented yet' }]);
  });

  test('scopes are narrowed, sharing paused and grants withdrawn', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const change = (fields: object) => control(simulator, 'PATCH', '/people/nora', fields);
    expect((await change({ allowed_scopes: ['user.info'] })).json['allowed_scopes']).toEqual(['user.info']);
    expect((await getmeas(simulator, token)).status).toBe(403);
    await change({ allowed_scopes: null, sharing_paused: true });
    expect((await getmeas(simulator, token, { lastupdate: '1' })).body.measuregrps).toEqual([]);
    const grants = (await control(simulator, 'GET', '/grants')).json['data'];
    expect(grants).toMatchObject([{ person: 'nora', client_id: app.clientId, live: true, refreshes: 0 }]);
    expect(JSON.stringify(grants)).not.toContain(token);
    const withdrawn = await control(simulator, 'POST', '/people/nora/withdraw', { client_id: app.clientId });
    expect(withdrawn.json).toEqual({ withdrawn: 1 });
    expect((await control(simulator, 'GET', '/stats')).json['live_grants']).toBe(0);
    expect((await getmeas(simulator, token, { lastupdate: '2' })).status).toBe(401);
  });
});

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

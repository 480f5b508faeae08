import { describe, expect, test } from 'vitest';

import { app, authorizeUrl, connect, control, getmeas, standingSimulator, START_SECONDS } from './driver.ts';

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

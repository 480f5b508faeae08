import { describe, expect, test } from 'vitest';

import type { Simulator } from '../../src/simulator/simulator.ts';
import type { MeasureGroup } from '../../src/withings/wire.ts';
import { advanceSeconds, connect, form, getmeas, standingSimulator, START_SECONDS } from './driver.ts';

const measureUrl = 'https://wbsapi.withings.net/measure';
const DAY = 24 * 60 * 60;

const personOf = (simulator: Simulator, id: string) => {
  const person = simulator.state.people.find(id);
  if (person === undefined) throw new Error(`no ${id}`);
  return person;
};

/** All pages, read as a client does. */
const allPages = async (simulator: Simulator, token: string, fields: Record<string, string> = {}) => {
  const groups: MeasureGroup[] = [];
  const pages: { more: unknown; offset: unknown }[] = [];
  for (let offset: number | undefined; ;) {
    const { status, body } = await getmeas(simulator, token, {
      ...fields,
      ...(offset === undefined ? {} : { offset: String(offset) }),
    });
    if (status !== 0) throw new Error(`status ${status}`);
    groups.push(...body.measuregrps);
    pages.push({ more: body.more, offset: body.offset });
    if (!body.more) return { groups, pages };
    offset = body.offset;
  }
};

describe('a data call without the right', () => {
  test.each([
    { name: 'no token', headers: {} },
    { name: 'an unknown token', headers: { authorization: `Bearer ${'a'.repeat(40)}` } },
    { name: 'another scheme', headers: { authorization: `Basic ${'a'.repeat(40)}` } },
  ])('$name gets the recorded 401 with HTTP 200', async ({ headers }) => {
    const simulator = standingSimulator();
    const response = await simulator.fetch(measureUrl, { ...form({ action: 'getmeas' }), headers });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(
      '{"status":401,"body":{},"error":"XRequestID: Not provided invalid_token: The access token provided is invalid"}',
    );
  });

  test('a token without user.metrics gets the recorded 403', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator, 'nora', { scope: 'user.info,user.activity' });
    expect(await getmeas(simulator, token)).toEqual({
      status: 403,
      body: {},
      error:
        'XRequestID: [Not provided] - Insufficient_scope: The request requires higher privileges than provided by the access token',
    });
  });

  test('a scope narrowed later counts at once, a paused account is empty, a withdrawn grant is dead', async () => {
    const simulator = standingSimulator();
    const nora = personOf(simulator, 'nora');
    const { access_token: token } = await connect(simulator);
    nora.allowedScopes = ['user.info'];
    expect((await getmeas(simulator, token, { lastupdate: '1' })).status).toBe(403);
    nora.allowedScopes = null;
    nora.sharingPaused = true;
    const paused = await getmeas(simulator, token, { lastupdate: '2' });
    expect(paused).toMatchObject({ status: 0, body: { measuregrps: [], timezone: 'Europe/Oslo' } });
    nora.sharingPaused = false;
    expect((await getmeas(simulator, token, { lastupdate: '3' })).body.measuregrps.length).toBeGreaterThan(0);
    expect(simulator.state.grants.withdraw(nora.userid)).toBe(1);
    expect((await getmeas(simulator, token, { lastupdate: '4' })).status).toBe(401);
  });
});

describe('parameters', () => {
  test.each([
    { meastypes: 'weight' },
    { meastypes: '1,x' },
    { meastypes: '1, 5' },
    { meastypes: '' },
    { meastype: 'x' },
    { category: '3' },
    { startdate: 'yesterday' },
    { enddate: '-1' },
    { lastupdate: '1.5' },
    { offset: 'x' },
    { meastype: '1', meastypes: '5' },
  ])('%o is 503 Invalid Params', async (fields) => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const { status, body, error } = await getmeas(simulator, token, fields);
    expect(status).toBe(503);
    expect(error).toMatch(/^Invalid Params: /);
    expect(body).toEqual({});
  });

  test('unknown types give an empty list and no error', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const { status, body } = await getmeas(simulator, token, { meastypes: '999,4242' });
    expect({ status, groups: body.measuregrps }).toEqual({ status: 0, groups: [] });
  });

  test('meastype and meastypes leave only such measures, and no group without one', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const one = await getmeas(simulator, token, { meastype: '4' });
    expect(one.body.measuregrps.map(({ measures }) => measures.map(({ type }) => type))).toEqual([[4]]);
    const two = await getmeas(simulator, token, { meastypes: '1,6' });
    expect(two.body.measuregrps).toHaveLength(7);
    for (const { measures } of two.body.measuregrps) expect(measures.map(({ type }) => type)).toEqual([1, 6]);
  });

  test('category parts measures from goals; without it both come', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator, 'priya');
    const real = await getmeas(simulator, token, { category: '1' });
    const goals = await getmeas(simulator, token, { category: '2' });
    const both = await getmeas(simulator, token);
    expect(goals.body.measuregrps.map(({ measures }) => measures[0]?.type)).toEqual([1]);
    expect(real.body.measuregrps.some(({ category }) => category === 2)).toBe(false);
    expect(both.body.measuregrps).toHaveLength(real.body.measuregrps.length + 1);
  });

  test('startdate and enddate bound the date, both ends included, and either may stand alone', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const all = (await getmeas(simulator, token)).body.measuregrps.map(({ date }) => date);
    const [newest = 0, second = 0] = all;
    const dates = async (fields: Record<string, string>) =>
      (await getmeas(simulator, token, fields)).body.measuregrps.map(({ date }) => date);
    expect(await dates({ startdate: `${second}`, enddate: `${newest}` })).toEqual([newest, second]);
    expect(await dates({ startdate: `${second + 1}` })).toEqual([newest]);
    expect(await dates({ enddate: `${second - 1}` })).toEqual(all.slice(2));
    expect(await dates({ startdate: `${newest}`, enddate: `${second}` })).toEqual([]);
  });

  test('lastupdate asks for what was modified after it, whenever it was measured', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const nora = personOf(simulator, 'nora');
    const old = simulator.state.weighIns.add(nora, { weightKg: 70, date: START_SECONDS - 400 * DAY });
    const after = async (moment: number) =>
      (await getmeas(simulator, token, { lastupdate: `${moment}` })).body.measuregrps.map(({ grpid }) => grpid);
    expect(await after(START_SECONDS)).toEqual([]);
    expect(await after(START_SECONDS - 1)).toEqual(old.map(({ grpid }) => grpid));
  });

  test('dates and lastupdate together are no mistake: what was measured between and modified after', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const nora = personOf(simulator, 'nora');
    const date = START_SECONDS - 400 * DAY;
    const old = simulator.state.weighIns.add(nora, { weightKg: 70, date });
    simulator.state.weighIns.add(nora, { weightKg: 71, date: START_SECONDS - 60 });
    const dates = { startdate: `${date - 1}`, enddate: `${date + 1}` };
    const asked = await getmeas(simulator, token, { ...dates, lastupdate: `${START_SECONDS - 1}` });
    expect(asked.status).toBe(0);
    expect(asked.body.measuregrps.map(({ grpid }) => grpid)).toEqual(old.map(({ grpid }) => grpid));
    const later = await getmeas(simulator, token, { ...dates, lastupdate: `${START_SECONDS}` });
    expect(later.body.measuregrps).toEqual([]);
  });

  test('come by GET in the query, or by POST with only the action there', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const headers = { authorization: `Bearer ${token}` };
    const types = async (url: string, init: RequestInit) => {
      const answer = await (
        await simulator.fetch(url, init)
      ).json<{
        body: { measuregrps: MeasureGroup[] };
      }>();
      return new Set(answer.body.measuregrps.flatMap(({ measures }) => measures.map(({ type }) => type)));
    };
    expect(await types(`${measureUrl}?action=getmeas&meastype=4`, { headers })).toEqual(new Set([4]));
    const inBody = { ...form({ meastype: '1' }), headers };
    expect(await types(`${measureUrl}?action=getmeas`, inBody)).toEqual(new Set([1]));
    const field = form({ access_token: token, action: 'getmeas', meastype: '6' });
    expect(await types(measureUrl, field)).toEqual(new Set([6]));
  });
});

describe('order and pages', () => {
  test('a window is newest date first, lastupdate oldest modified first; a switch turns both round', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const late = { weightKg: 71, date: START_SECONDS - 3 * DAY };
    simulator.state.weighIns.add(personOf(simulator, 'nora'), late);
    const dates = async (fields: Record<string, string>) =>
      (await getmeas(simulator, token, fields)).body.measuregrps.map(({ date }) => date);
    const byDate = await dates({ startdate: '1' });
    const byModified = await dates({ lastupdate: '1' });
    expect(byDate).toEqual(byDate.toSorted((a, b) => b - a));
    expect(byModified.at(-1)).toBe(late.date);
    simulator.state.settings.order = 'reversed';
    expect(await dates({ startdate: '2' })).toEqual(byDate.toReversed());
    expect(await dates({ lastupdate: '2' })).toEqual(byModified.toReversed());
  });

  test('more and offset are absent from a single page, and 0 on the last of several', async () => {
    const simulator = standingSimulator({ settings: { pageSize: 3 } });
    const { access_token: token } = await connect(simulator);
    const { groups, pages } = await allPages(simulator, token);
    expect(pages).toEqual([
      { more: 1, offset: 3 },
      { more: 1, offset: 6 },
      { more: 0, offset: 0 },
    ]);
    expect(new Set(groups.map(({ grpid }) => grpid)).size).toBe(8);
    simulator.state.settings.pageSize = 8;
    const { body } = await getmeas(simulator, token, { category: '1' });
    expect(Object.keys(body)).toEqual(['updatetime', 'timezone', 'measuregrps']);
  });

  test('an offset past the end is empty', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const { body } = await getmeas(simulator, token, { offset: '300' });
    expect(body).toMatchObject({ measuregrps: [], more: 0, offset: 0 });
  });

  test('an offset shifts when a weigh-in arrives in between: a group comes twice, or is missed', async () => {
    const simulator = standingSimulator({ settings: { pageSize: 4 } });
    const { access_token: token } = await connect(simulator);
    const nora = personOf(simulator, 'nora');
    const first = (await getmeas(simulator, token)).body;
    const [added] = simulator.state.weighIns.add(nora, { weightKg: 68 });
    const repeated = (await getmeas(simulator, token, { offset: '4' })).body.measuregrps;
    expect(repeated[0]?.grpid).toBe(first.measuregrps[3]?.grpid);

    const other = (await getmeas(simulator, token, { category: '1' })).body;
    simulator.state.weighIns.remove(nora, added?.grpid ?? 0);
    const rest = (await getmeas(simulator, token, { category: '1', offset: '4' })).body.measuregrps;
    expect([...other.measuregrps, ...rest]).toHaveLength(8);
  });

  test('updatetime is now, or the last change by the switch', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    advanceSeconds(simulator, 60);
    expect((await getmeas(simulator, token, { lastupdate: '1' })).body.updatetime).toBe(START_SECONDS + 60);
    simulator.state.settings.updatetime = 'last_change';
    const { body } = await getmeas(simulator, token, { lastupdate: '2' });
    expect(body.updatetime).toBe(Math.max(...body.measuregrps.map(({ modified }) => modified ?? 0)));
  });
});

describe('groups on the wire', () => {
  test('PHP escapes slashes, and keys come in the recorded order', async () => {
    const simulator = standingSimulator();
    const { access_token: token } = await connect(simulator);
    const response = await simulator.fetch(measureUrl, {
      ...form({ action: 'getmeas', meastype: '4' }),
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await response.text()).toMatch(
      /^\{"status":0,"body":\{"updatetime":\d+,"timezone":"Europe\\\/Oslo","measuregrps":\[\{"grpid":\d{10},"attrib":2,"date":\d+,"created":\d+,"modified":\d+,"category":1,"deviceid":null,"hash_deviceid":null,"measures":\[\{"value":1680,"type":4,"unit":-3,"algo":0,"fm":128,"apppfmid":7,"appliver":5050021\}\],"modelid":null,"model":null,"comment":null\}\]\}\}$/,
    );
  });

  test('older recordings lack modified, modelid and model, and are still found by lastupdate', async () => {
    const simulator = standingSimulator();
    const nora = personOf(simulator, 'nora');
    nora.olderRecordings = true;
    const { access_token: token } = await connect(simulator);
    const { body } = await getmeas(simulator, token, { lastupdate: '1' });
    expect(body.measuregrps).toHaveLength(8);
    for (const group of body.measuregrps) {
      expect(Object.keys(group)).toEqual([
        'grpid',
        'attrib',
        'date',
        'created',
        'category',
        'deviceid',
        'hash_deviceid',
        'measures',
        'comment',
      ]);
    }
    expect(nora.groups.all()[0]).toHaveProperty('modified');
  });
});

describe('changes', () => {
  test('an edit keeps the id, is modified later and follows through to what the server computes', async () => {
    const simulator = standingSimulator();
    const nora = personOf(simulator, 'nora');
    const [group] = simulator.state.weighIns.add(nora, { weightKg: 80, fatMassKg: 20 });
    advanceSeconds(simulator, 600);
    const [edited] = simulator.state.weighIns.edit(nora, group?.grpid ?? 0, { weightKg: 82.5 });
    expect(edited).toMatchObject({
      grpid: group?.grpid,
      created: START_SECONDS,
      modified: START_SECONDS + 600,
    });
    const values = Object.fromEntries((edited?.measures ?? []).map(({ type, value }) => [type, value]));
    expect(values).toMatchObject({ 1: 82_500, 5: 62_500, 6: 24_242, 8: 2000 });
  });

  test('a weigh-in of several groups is edited and deleted whole, by any of its ids', async () => {
    const simulator = standingSimulator();
    const nora = personOf(simulator, 'nora');
    const groups = simulator.state.weighIns.add(nora, { weightKg: 80, device: 'body_scan' });
    expect(groups).toHaveLength(4);
    const ids = groups.map(({ grpid }) => grpid);
    const edited = simulator.state.weighIns.edit(nora, ids[2] ?? 0, { date: START_SECONDS - DAY });
    expect(edited.map(({ grpid, date }) => [grpid, date])).toEqual(ids.map((id) => [id, START_SECONDS - DAY]));
    expect(simulator.state.weighIns.remove(nora, ids[3] ?? 0)).toEqual(ids);
    const { access_token: token } = await connect(simulator);
    expect((await getmeas(simulator, token, { lastupdate: '1' })).body.measuregrps).toHaveLength(8);
  });
});

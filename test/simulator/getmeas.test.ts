import { describe, expect, test } from 'vitest';

import type { MeasureGroup } from '../../src/withings/wire.ts';
import { connect, form, getmeas, personOf, standingSimulator, START_SECONDS } from './driver.ts';

const measureUrl = 'https://wbsapi.withings.net/measure';
const DAY = 24 * 60 * 60;

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

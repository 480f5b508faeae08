import { describe, expect, test } from 'vitest';

import {
  advanceSeconds,
  allPages,
  connect,
  form,
  getmeas,
  personOf,
  standingSimulator,
  START_SECONDS,
} from './driver.ts';

const measureUrl = 'https://wbsapi.withings.net/measure';
const DAY = 24 * 60 * 60;

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

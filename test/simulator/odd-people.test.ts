import { expect, test } from 'vitest';

import type { Simulator } from '../../src/simulator/simulator.ts';
import { takeSnapshot } from '../../src/simulator/snapshot.ts';
import type { MeasureGroup } from '../../src/withings/wire.ts';
import { connect, control, getmeas, standingSimulator, START_SECONDS } from './driver.ts';

/** People and upstreams that most clients get wrong: each is what their description says, on the wire. */

const DAY = 24 * 60 * 60;

const answerFor = async (person: string, fields: Record<string, string> = {}, simulator = standingSimulator()) => {
  const { access_token: token } = await connect(simulator, person);
  const answer = await getmeas(simulator, token, fields);
  expect(answer.status).toBe(0);
  return answer.body;
};
const groupsFor = async (person: string) => (await answerFor(person)).measuregrps;
const measured = (groups: readonly MeasureGroup[], type: number) =>
  groups.flatMap(({ measures }) => measures.filter((measure) => measure.type === type));

test('Sigrid has weigh-ins dated 2, 40 and 400 days ahead, that Withings has stored already', async () => {
  const ahead = (await groupsFor('sigrid')).filter(({ date }) => date > START_SECONDS);
  expect(ahead.map(({ date }) => (date - START_SECONDS) / DAY)).toEqual([400, 40, 2]);
  expect(ahead.every(({ created }) => created <= START_SECONDS)).toBe(true);
});

test('Ernst has weigh-ins before 1970 and on its first second', async () => {
  const dates = (await groupsFor('ernst')).map(({ date }) => date).filter((date) => date <= 0);
  expect(dates).toEqual([0, -1, -400 * DAY]);
});

test('Lucía has zeros beside her typed-in weights, a weight of 0, and a height that she corrected', async () => {
  const groups = await groupsFor('lucia');
  const filledIn = groups.filter(({ measures }) => measures.some(({ type, value }) => type === 6 && value === 0));
  expect(filledIn).toHaveLength(3);
  for (const group of filledIn) {
    expect(measured([group], 8).map(({ value }) => value)).toEqual([0]);
    expect(measured([group], 5)[0]?.value).toBe(measured([group], 1)[0]?.value);
  }
  expect(measured(groups, 1).filter(({ value }) => value === 0)).toHaveLength(1);
  expect(measured(groups, 4).map(({ value }) => value)).toEqual([1800, 1080]);
});

test('Matteo has arteries of a foot in groups of their own, and attributions that nobody documents', async () => {
  const groups = await groupsFor('matteo');
  const feet = groups.filter(({ measures }) => measures.some(({ position }) => position === 4));
  expect(feet.map(({ measures }) => measures.map(({ type }) => type))).toEqual([91, 91, 91].map(() => [91, 155]));
  expect(new Set(groups.map(({ attrib }) => attrib))).toEqual(new Set([0, 2, 8, 10, 10_009, 10_010]));
});

test('Hanna’s groups lack fields, and are there', async () => {
  const groups = await groupsFor('hanna');
  expect(groups.some((group) => !('created' in group) && 'modified' in group)).toBe(true);
  expect(groups.some((group) => !('created' in group) && !('modified' in group))).toBe(true);
  expect(groups.every((group) => !('distortion' in group))).toBe(true);
});

test('Amara’s groups are from five time zones', async () => {
  const { timezone, measuregrps } = await answerFor('amara');
  expect(timezone).toBe('Africa/Lagos');
  expect(new Set(measuregrps.map((group) => group.timezone)).size).toBe(5);
});

test('Omar has one value and one group that cannot be read', async () => {
  const groups: { date: unknown; measures: { value: unknown }[] }[] = await groupsFor('omar');
  expect(groups.filter(({ date }) => typeof date !== 'number')).toHaveLength(1);
  expect(groups.flatMap(({ measures }) => measures).filter(({ value }) => typeof value !== 'number')).toHaveLength(1);
});

test('Greta’s first page is larger than 8 MiB, and the last', async () => {
  const body = await answerFor('greta');
  expect(JSON.stringify(body).length).toBeGreaterThan(8 * 1024 * 1024);
  expect(body.more).toBeUndefined();
});

test('Pavel’s answer comes late if it is long, and at once if it is short', async () => {
  const simulator = standingSimulator();
  const { access_token: token } = await connect(simulator, 'pavel');
  const ask = (fields: Record<string, string>, signal?: AbortSignal) =>
    simulator.fetch('https://wbsapi.withings.net/measure', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: new URLSearchParams({ action: 'getmeas', ...fields }),
      ...(signal && { signal }),
    });
  const gaveUp = new Error('gave up');
  const controller = new AbortController();
  const late = ask({ lastupdate: '1' }, controller.signal);
  const short = await ask({ startdate: String(START_SECONDS - 20 * DAY) });
  expect(short.status).toBe(200);
  controller.abort(gaveUp);
  await expect(late).rejects.toBe(gaveUp);
});

test.each([
  ['known_pages', ['first', 'second', 'first', 'first'], [4, 8, 12, 16]],
  ['empty_pages', ['first', 'second', 'none', 'none'], [4, 8, 12, 16]],
  ['same_offset', ['first', 'second', 'second', 'second'], [4, 4, 4, 4]],
] as const)('more without end: %s', async (endlessMore, pages, offsets) => {
  const simulator = standingSimulator();
  await control(simulator, 'PATCH', '/people/nora', { endless_more: endlessMore, page_size: 4 });
  const { access_token: token } = await connect(simulator, 'nora');
  const all = simulator.state.people.find('nora')?.groups.all() ?? [];
  const newestFirst = all.toSorted((a, b) => b.date - a.date).map(({ grpid }) => grpid);
  const named = { first: newestFirst.slice(0, 4), second: newestFirst.slice(4), none: [] };
  let offset = 0;
  for (const [place, page] of pages.entries()) {
    const { body } = await getmeas(simulator, token, { startdate: String(place), offset: String(offset) });
    expect(body.measuregrps.map(({ grpid }) => grpid)).toEqual(named[page]);
    expect([body.more, body.offset]).toEqual([1, offsets[place]]);
    offset = body.offset ?? 0;
  }
});

test('Yuki’s Withings always says that there is more', async () => {
  expect(await answerFor('yuki', { offset: '900' })).toMatchObject({ more: 1, offset: 1200 });
});

test('what is sent instead of a group can be chosen, and is still so after a restart', async () => {
  const simulator = standingSimulator();
  const path = '/people/nora/groups';
  const group = { measures: [{ value: 1, type: 1, unit: 0 }], date: -5, timezone: 'Asia/Tokyo' };
  const distortion = { without: ['created'], instead: { model: 7 } };
  expect((await control(simulator, 'POST', path, { ...group, distortion })).httpStatus).toBe(201);
  const shownBy = async (one: Simulator) =>
    (await answerFor('nora', {}, one)).measuregrps.find(({ date }) => date === -5);
  const sent = await shownBy(simulator);
  expect(sent).toMatchObject({ date: -5, timezone: 'Asia/Tokyo', model: 7 });
  expect(sent).not.toHaveProperty('created');
  const snapshot = JSON.parse(JSON.stringify(takeSnapshot(simulator.state)));
  expect(await shownBy(standingSimulator({ snapshot }))).toEqual(sent);
});

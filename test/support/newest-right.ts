import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import type { Broker, TestApp } from './broker.ts';

/** What the metrics API says while the history is read, against all that the simulator has of walter. */
export const expectNewestRight = async (
  { broker, app }: { broker: Broker; app: TestApp },
  userId: string,
): Promise<void> => {
  const groups = broker.simulator.state.people.find('walter')?.groups.all() ?? [];
  const kgOf = (measures: (typeof groups)[number]['measures']) => {
    const one = measures.find(({ type }) => type === 1);
    return one && Number(`${one.value}e${one.unit}`);
  };
  const weights = groups
    .flatMap(({ date, grpid, category, attrib, measures }) => {
      const kg = kgOf(measures);
      return kg === undefined || category !== 1 || attrib === 1 ? [] : [{ date, grpid, kg }];
    })
    .toSorted((a, b) => b.date - a.date);
  const heights = groups.flatMap(({ date, measures }) => {
    const one = measures.find(({ type }) => type === 4);
    return one === undefined ? [] : [{ date, meters: Number(`${one.value}e${one.unit}`) }];
  });
  const height = heights.toSorted((a, b) => b.date - a.date)[0]?.meters ?? 0;
  type Value = { value: number; measured_at: string };
  const latest = await (
    await app.call('GET', `/metrics/${userId}/latest`)
  ).json<{
    data: { weight: Value; bmi: Value };
    history_complete_from: string | null;
  }>();
  expect(latest.data.weight.value).toBe(weights[0]?.kg);
  expect(latest.data.bmi.value).toBeCloseTo((weights[0]?.kg ?? 0) / height ** 2, 1);
  const from = latest.history_complete_from === null ? -Infinity : Date.parse(latest.history_complete_from) / 1000;
  const since = Math.max(from, Math.floor(broker.now() / 1000) - 90 * 86_400);
  const recent = weights.filter(({ date }) => date >= since);
  const query = `metric=weight&limit=1000&from=${new Date(since * 1000).toISOString()}`;
  const listed = await (await app.call('GET', `/metrics/${userId}?${query}`)).json<{ data: Value[] }>();
  expect(listed.data.map(({ value }) => value)).toEqual(recent.map(({ kg }) => kg));
  // What it says is complete is complete.
  const promised = groups.filter(({ date, category }) => date >= from && category === 1).map(({ grpid }) => grpid);
  const { results } = await env.DB.prepare(
    `SELECT group_id FROM groups JOIN connections ON connections.id = connection_id WHERE user_id = ?1`,
  )
    .bind(userId)
    .all<{ group_id: number }>();
  const has = new Set(results.map(({ group_id: id }) => id));
  expect(promised.filter((id) => !has.has(id))).toEqual([]);
};

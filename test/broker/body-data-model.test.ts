import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Person } from '../../src/simulator/people/people.ts';
import { countedOf, latestOf, modelOf, TYPES } from '../support/body-data-model.ts';
import { type FaultKind, step, type Step, ZONES } from '../support/body-data-steps.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { addOdd } from '../support/odd-groups.ts';
import { addPerson, DAY } from '../support/people.ts';

/**
 * Random histories at Withings, read through the broker, against a plain model: what Withings has now. Syncs are cut
 * off by faults anywhere; in the end one goes through, and whatever happened before, the API gives what the model has.
 */

/** Before them lies a change of clocks, either way, a leap day, or the turn of a year. */
const NOW = ['2026-11-05T12:00:00Z', '2027-04-05T12:00:00Z', '2028-03-05T12:00:00Z', '2027-01-04T12:00:00Z'];

/** What goes wrong with the answers of Withings that come next: undefined is nothing. */
type Trouble = { next: (FaultKind | undefined)[] };

type World = {
  broker: Broker;
  trouble: Trouble;
  app: TestApp;
  person: Person;
  user: string;
  anchors: Set<number>;
};

const seconds = ({ broker }: Pick<World, 'broker'>) => Math.floor(broker.now() / 1000);

const apply = async (world: World, one: Step): Promise<void> => {
  const { broker, person, anchors } = world;
  const { weighIns } = broker.simulator.state;
  const date = 'daysAgo' in one ? Math.floor(seconds(world) - one.daysAgo * DAY) : 0;
  const changeable = person.groups.all().filter(({ grpid }) => !anchors.has(grpid));
  const chosen = 'which' in one ? changeable[one.which % Math.max(1, changeable.length)]?.grpid : undefined;
  broker.advance(7_000);
  if (one.do === 'weigh')
    weighIns.add(person, { weightKg: one.kg, date, device: one.device, ...(one.visitor && { attrib: 1 }) });
  else if (one.do === 'height') weighIns.addHeight(person, one.meters, date);
  else if (one.do === 'odd') {
    const grpid = addOdd(broker.simulator.state, person, one);
    // No review looks back that far in time: it is neither edited nor deleted later.
    if (one.kind === 'before_1970') anchors.add(grpid);
  } else if (one.do === 'pause') {
    person.sharingPaused = true;
    for (let calls = 0; calls < one.syncs; calls += 1) await sync(world, undefined, 0);
    person.sharingPaused = false;
  } else if (one.do === 'sync') await sync(world, one.fault, one.after);
  else if (chosen === undefined) return;
  else if (one.do === 'edit') weighIns.edit(person, chosen, { weightKg: one.kg, date });
  else if (one.do === 'attribute') weighIns.edit(person, chosen, { attrib: one.attrib });
  else weighIns.remove(person, chosen);
};

/** A sync in which the `after`-th answer of Withings, counted from 0, goes wrong. */
const sync = async ({ broker, app, user, trouble }: World, fault: FaultKind | undefined, after: number) => {
  trouble.next = fault === undefined ? [] : [...Array.from({ length: after }, () => undefined), fault];
  broker.advance(16_000);
  const answer = await app.call('POST', `/withings/sync/${user}`);
  trouble.next = [];
  broker.simulator.state.faults.clear();
  return answer.json<{ added: number; changed: number; removed: number; complete: boolean }>();
};

const keyOf = (one: { metric: string; group: number; date: number; value: number; doubtful: boolean }) =>
  [one.metric, one.group, one.date, one.metric === 'bmi' ? one.value.toFixed(1) : one.value, one.doubtful].join(' ');

type Shown = { metric: string; group_id: number; measured_at: string; value: number; source: { attribution: string } };

const shown = async ({ app, user }: World, query: string) => {
  const values: Shown[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { data: Shown[]; next_cursor: string | null } = await (
      await app.call('GET', `/metrics/${user}?limit=61&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)
    ).json();
    values.push(...page.data);
    cursor = page.next_cursor;
  }
  return values;
};

const expectModel = async (world: World): Promise<void> => {
  const values = modelOf(world.person);
  const given = await shown(world, `metric=bmi,${Object.keys(TYPES).join(',')}&include=ambiguous`);
  const keys = given.map((one) =>
    keyOf({
      metric: one.metric,
      group: one.group_id,
      date: Date.parse(one.measured_at) / 1000,
      value: one.value,
      doubtful: one.source.attribution === 'ambiguous',
    }),
  );
  expect(keys.toSorted()).toEqual(values.map(keyOf).toSorted());
  expect(given.map(({ measured_at: at }) => Date.parse(at))).toEqual(
    given.map(({ measured_at: at }) => Date.parse(at)).toSorted((a, b) => b - a),
  );
  await expectLatest(world);
  await expectDays(world);
};

const expectLatest = async (world: World): Promise<void> => {
  const answer = await world.app.call(
    'GET',
    `/metrics/${world.user}/latest?metric=bmi,${Object.keys(TYPES).join(',')}`,
  );
  const { data } = await answer.json<{ data: Record<string, Shown & { age_seconds: number }> }>();
  const given = Object.values(data).map((one) => [one.metric, [one.group_id, Date.parse(one.measured_at) / 1000]]);
  expect(Object.fromEntries(given)).toEqual(latestOf(modelOf(world.person), seconds(world)));
  for (const { age_seconds: age } of Object.values(data)) expect(age).toBeGreaterThanOrEqual(0);
};

type Day = { period: string; count: number; min: number; max: number };

const expectDays = async (world: World): Promise<void> => {
  const daily = async (query: string) => {
    const answer = await world.app.call('GET', `/metrics/${world.user}/daily?${query}`);
    return (await answer.json<{ data: Day[] }>()).data;
  };
  for (const metric of ['weight', 'fat_ratio', 'fat_free_mass']) {
    const counted = countedOf(modelOf(world.person)).filter((one) => one.metric === metric);
    const expected = [...Map.groupBy(counted, ({ day }) => day)].map(([day, of]) => {
      const figures = of.map(({ value }) => value);
      return [day, figures.length, Math.min(...figures), Math.max(...figures)].join(' ');
    });
    const days = await daily(`metric=${metric}`);
    expect(days.map(({ period, count, min, max }) => [period, count, min, max].join(' '))).toEqual(expected.toSorted());
    for (const day of days.slice(-3)) {
      expect(await daily(`metric=${metric}&from=${day.period}&to=${day.period}`)).toEqual([day]);
    }
  }
};

/** Syncs until nothing is left to find: a deletion takes two reads that agree. */
const settle = async (world: World): Promise<void> => {
  for (let calls = 0; calls < 12; calls += 1) {
    const { complete, added, changed, removed } = await sync(world, undefined, 0);
    if (complete && added + changed + removed === 0 && calls > 3 && (await isNothingMissing(world))) return;
  }
};
const isNothingMissing = async (world: World): Promise<boolean> => {
  const { results } = await env.DB.prepare(
    `SELECT 1 FROM groups JOIN connections ON connections.id = connection_id WHERE user_id = ?1 AND missing_since IS NOT NULL LIMIT 1`,
  )
    .bind(world.user)
    .all();
  return results.length === 0;
};

test('whatever happens at Withings and on the way, the API gives what Withings has', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...NOW),
      fc.constantFrom(...ZONES),
      fc.constantFrom(3, 17, 300),
      fc.array(fc.integer({ min: 31, max: 4_000 }), { maxLength: 40 }),
      fc.boolean(),
      fc.array(step, { minLength: 4, maxLength: 16 }),
      async (now, timezone, pageSize, past, isHeightLone, steps) => {
        run += 1;
        // Each run has a clock of its own: the share of requests of a later one would be used up until then.
        await emptyTables();
        const trouble: Trouble = { next: [] };
        const broker = await startBroker({
          settings: { pageSize },
          fetch: (send) => (input, init) => {
            const isRead = init?.body instanceof URLSearchParams && init.body.get('action') === 'getmeas';
            const kind = isRead ? trouble.next.shift() : undefined;
            if (kind !== undefined) broker.simulator.state.faults.add({ kind, action: 'getmeas', status: 601 });
            return send(input, init);
          },
        });
        broker.advance(Date.parse(now) - broker.now());
        const user = `user-${run}`;
        const person = addPerson(broker, user, timezone);
        // What all stands on: without any weigh-in an account looks as if its sharing were paused.
        const date = seconds({ broker }) - 25 * DAY;
        const anchors = [
          ...broker.simulator.state.weighIns.add(person, { weightKg: 80, date, device: 'body_cardio' }),
          ...broker.simulator.state.weighIns.add(person, { weightKg: 80, date, device: 'body_scan' }),
          // A history that is read in slices, while the rest happens.
          ...past.flatMap((days) =>
            broker.simulator.state.weighIns.add(person, {
              weightKg: 70 + days / 100,
              date: seconds({ broker }) - days * DAY,
              weightOnly: true,
            }),
          ),
        ];
        const height = broker.simulator.state.weighIns.addHeight(person, 1.8, date);
        // The only one of its kind can be deleted as well; of several all at once cannot, so one stays.
        if (!isHeightLone) anchors.push(height);
        const app = await makeApp(broker, user);
        await connect(broker, app, user, user);
        const world = { broker, trouble, app, person, user, anchors: new Set(anchors.map(({ grpid }) => grpid)) };
        for (const one of steps) if (one.do !== 'height' || !isHeightLone) await apply(world, one);
        broker.simulator.state.settings.pageSize = 300;
        await settle(world);
        await expectModel(world);
        expect(await sync(world, undefined, 0)).toMatchObject({ added: 0, changed: 0, removed: 0, complete: true });
      },
    ),
    { numRuns: 16, seed: 610_731 },
  );
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { asConnectionId } from '../../src/domain/connection-id.ts';
import { completeFromOf } from '../../src/domain/history.ts';
import { nextQuestion } from '../../src/domain/sync.ts';
import { DAY, type Order, Reader, START, Upstream } from '../support/upstream-history.ts';

const versions = (upstream: Upstream) =>
  Object.fromEntries([...upstream.groups.values()].map(({ id, version }) => [id, version]));

type Step =
  | { do: 'read' }
  | { do: 'cut' }
  | { do: 'slice'; seconds: number; isPushed: boolean }
  | { do: 'weigh'; daysBack: number }
  | { do: 'edit'; which: number; daysBack: number | undefined };

const daysBack = fc.oneof(
  fc.integer({ min: -400, max: 100 }),
  fc.integer({ min: 0, max: 6_000 }),
  fc.constantFrom(20_000, 25_000),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'read' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'cut' }) },
  {
    weight: 2,
    arbitrary: fc.record<Step & { do: 'slice' }>({
      do: fc.constant('slice'),
      seconds: fc.integer({ min: 1, max: 1_500 }),
      isPushed: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: daysBack.map<Step>((days) => ({ do: 'weigh', daysBack: days })) },
  {
    weight: 2,
    arbitrary: fc.record<Step & { do: 'edit' }>({
      do: fc.constant('edit'),
      which: fc.nat(),
      daysBack: fc.option(daysBack, { nil: undefined }),
    }),
  },
);
const past = fc.array(fc.record({ days: daysBack, lag: fc.integer({ min: 0, max: 400 }) }), { maxLength: 80 });

/** Groups measured so many days back, and stored at Withings a while later, but before the reading begins. */
const upstreamOf = (groups: readonly { days: number; lag: number }[], order: Order, pageSize: number) => {
  const upstream = new Upstream(order, pageSize);
  for (const { days, lag } of groups) {
    const date = START - days * DAY;
    upstream.weigh(date, Math.min(START - 1, Math.max(1, date) + lag * DAY));
  }
  return upstream;
};

describe('a history that is read newest first', () => {
  test.each<Order>(['recorded', 'reversed'])(
    'in the order "%s", cut anywhere, while weigh-ins come and change: nothing is doubled, and nothing lost where the directions meet',
    (order) => {
      fc.assert(
        fc.property(
          past,
          fc.integer({ min: 1, max: 25 }),
          fc.integer({ min: 1, max: 25 }),
          fc.array(step, { maxLength: 40 }),
          (groups, pageSize, mostGroups, steps) => {
            const upstream = upstreamOf(groups, order, pageSize);
            const reader = new Reader(upstream, mostGroups);
            let weighed = 0;
            for (const one of steps) {
              const seconds = Math.floor(reader.now / 1000);
              const isPaged = reader.position.history?.paged !== undefined;
              if (one.do === 'weigh') {
                // A page that moves on by all of its groups comes again, as in a loop: the rest is the reviews' to find.
                if (isPaged && weighed + 1 >= pageSize) continue;
                weighed += 1;
                upstream.weigh(seconds - one.daysBack * DAY, seconds);
              } else if (one.do === 'edit') {
                // An offset shifts when a group moves away: what slips past it is the reviews' to find.
                if (isPaged) continue;
                upstream.edit(
                  one.which,
                  one.daysBack === undefined ? undefined : seconds - one.daysBack * DAY,
                  seconds,
                );
              } else if (one.do === 'slice') reader.nextSlice(one.seconds * 1000, one.isPushed);
              else if (!reader.complete) {
                reader.step(one.do === 'cut');
                if (one.do === 'read') weighed = 0;
              }
            }
            reader.finish(12 * upstream.groups.size + 60);
            // What changed during the last slice is the next sync's to find.
            reader.nextSlice(60_000);
            reader.finish(12 * upstream.groups.size + 60);
            expect(Object.fromEntries(reader.stored)).toEqual(versions(upstream));
            expect(reader.position.history).toBeUndefined();
          },
        ),
        { seed: 20_261_128, numRuns: 300 },
      );
    },
  );

  test('says at every moment since when it is complete, and is', () => {
    fc.assert(
      fc.property(
        past,
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 25 }),
        fc.constantFrom<Order>('recorded', 'reversed'),
        (groups, pageSize, mostGroups, order) => {
          const upstream = upstreamOf(groups, order, pageSize);
          const reader = new Reader(upstream, mostGroups);
          for (let steps = 0; steps < 500 && !reader.complete; steps += 1) {
            reader.step();
            const { history } = reader.position;
            // Before the first stretch is whole it promises what is yet to be measured.
            const from =
              history === undefined || history.untilSeconds !== undefined
                ? (completeFromOf(history) ?? -Infinity)
                : Infinity;
            const missing = [...upstream.groups.values()].filter(
              ({ id, date }) => date >= from && !reader.stored.has(id),
            );
            expect(missing).toEqual([]);
          }
          expect(reader.complete).toBe(true);
        },
      ),
      { seed: 20_261_128, numRuns: 300 },
    );
  });

  test('takes a request a page, and four more at most', () => {
    const upstream = new Upstream('recorded', 300);
    for (let day = 0; day < 3_650; day += 1)
      for (let group = 0; group < 4; group += 1) upstream.weigh(START - day * DAY, START - day * DAY + 60);
    const reader = new Reader(upstream);
    reader.finish(100);
    expect(reader.questions).toBeLessThanOrEqual(Math.ceil(upstream.groups.size / 300) + 4);
  });

  test('of large pages is stored in parts, and later answers are no larger than a part', () => {
    const upstream = new Upstream('recorded', 2_000);
    for (let group = 0; group < 12_000; group += 1) upstream.weigh(START - (group * DAY) / 3, START);
    const reader = new Reader(upstream, 300);
    const stored: number[] = [];
    const answered: number[] = [];
    while (!reader.complete && reader.questions < 100) {
      answered.push(upstream.answer(nextQuestion(reader.position, reader.now, asConnectionId(17))).page.length);
      const before = reader.stored.size;
      reader.step();
      stored.push(reader.stored.size - before);
    }
    expect(Object.fromEntries(reader.stored)).toEqual(versions(upstream));
    expect(Math.max(...stored)).toBeLessThanOrEqual(301);
    expect(answered.filter((groups) => groups > 310)).toEqual([2_000]);
    // The last ones look for something older, twice as far back each time.
    expect(reader.questions).toBeLessThanOrEqual(12_000 / 300 + 12);
  });

  test('of one page takes two requests, the newest 90 days and what came before', () => {
    const reader = new Reader(
      upstreamOf(
        [
          { days: 1, lag: 0 },
          { days: 1_000, lag: 0 },
        ],
        'recorded',
        300,
      ),
    );
    reader.step();
    expect(reader.stored.size).toBe(1);
    reader.step();
    expect([reader.stored.size, reader.complete]).toEqual([2, true]);
  });

  test('ends though every answer says that there is more', () => {
    for (const order of ['recorded', 'reversed'] as const) {
      const upstream = new Upstream(order, 7, true);
      for (let day = 0; day < 40; day += 1) upstream.weigh(START - day * 30 * DAY, START - day * DAY);
      const reader = new Reader(upstream);
      reader.finish(200);
      expect(Object.fromEntries(reader.stored)).toEqual(versions(upstream));
      // So does the question for what changed.
      reader.nextSlice(60_000);
      reader.finish(40);
    }
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { asConnectionId } from '../../src/domain/connection-id.ts';
import {
  historyAfterSkip,
  completeFromOf,
  END_OF_TIME_SECONDS,
  historyAfterFailure,
  historyAfterPage,
  type HistoryPosition,
  isHopeless,
  isShortest,
  nextStretch,
  startOfHistory,
} from '../../src/domain/history.ts';
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
          fc.array(step, { maxLength: 40 }),
          (groups, pageSize, steps) => {
            const upstream = upstreamOf(groups, order, pageSize);
            const reader = new Reader(upstream);
            for (const one of steps) {
              const seconds = Math.floor(reader.now / 1000);
              if (one.do === 'weigh') upstream.weigh(seconds - one.daysBack * DAY, seconds);
              else if (one.do === 'edit') {
                // An offset shifts when a group moves away: what slips past it is the reviews' to find.
                if (reader.position.history?.paged !== undefined) continue;
                upstream.edit(
                  one.which,
                  one.daysBack === undefined ? undefined : seconds - one.daysBack * DAY,
                  seconds,
                );
              } else if (one.do === 'slice') reader.nextSlice(one.seconds * 1000, one.isPushed);
              else if (!reader.complete) reader.step(one.do === 'cut');
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
        fc.constantFrom<Order>('recorded', 'reversed'),
        (groups, pageSize, order) => {
          const upstream = upstreamOf(groups, order, pageSize);
          const reader = new Reader(upstream);
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

describe('a stretch that cannot be read', () => {
  const SIZES = [1, 5, 40, 400, 4_000];

  test.each(SIZES)('is asked for in smaller pieces until %i groups fit, and the size is kept', (most) => {
    const upstream = new Upstream('recorded', 1_000_000);
    for (let day = 0; day < 2_000; day += 2) upstream.weigh(START - day * DAY, START - day * DAY + 60);
    const reader = new Reader(upstream);
    let failed = 0;
    for (let steps = 0; !reader.complete && steps < 4_000; steps += 1) {
      const question = nextQuestion(reader.position, reader.now, asConnectionId(17));
      const { history } = reader.position;
      if (question.kind === 'changes' || history === undefined || upstream.matching(question).length <= most)
        reader.step();
      else {
        failed += 1;
        reader.position = { ...reader.position, history: historyAfterFailure(history, question) };
      }
    }
    expect(reader.complete).toBe(true);
    expect(reader.stored.size).toBe(1_000);
    // Learned once, and again where a roomy answer was followed by a longer stretch.
    expect(failed).toBeLessThanOrEqual(most === 1 ? 700 : 12 + reader.questions / 2);
  });

  test('is skipped once its shortest piece has failed three times, and no more than it is left out', () => {
    let history: HistoryPosition | undefined = { ...startOfHistory(START * 1000), untilSeconds: START - 100 * DAY };
    const bad = START - 1_000 * DAY - 5;
    let skipped = 0;
    for (let steps = 0; history !== undefined && steps < 500; steps += 1) {
      const question = nextStretch(history, 0);
      const { startDateSeconds = -Infinity, endDateSeconds } = question;
      if (question.kind === 'stretch' && startDateSeconds <= bad && bad <= endDateSeconds) {
        const wasShortest = isShortest(history, question);
        const after: HistoryPosition = historyAfterFailure(history, question);
        if (wasShortest && isHopeless(after)) {
          skipped += 1;
          expect((history.untilSeconds ?? END_OF_TIME_SECONDS) - startDateSeconds).toBeLessThanOrEqual(DAY + 600);
          history = historyAfterSkip(after);
        } else history = after;
        continue;
      }
      history = historyAfterPage(history, question, { measuredSeconds: [], nextOffset: undefined, pageMark: 0 });
    }
    expect(skipped).toBe(1);
    expect(history).toBeUndefined();
  });

  test('that is all of the past is left after some pieces, so that the reading ends', () => {
    let history: HistoryPosition | undefined = { ...startOfHistory(START * 1000), untilSeconds: START };
    let steps = 0;
    for (; history !== undefined && steps < 1_000; steps += 1) {
      const after: HistoryPosition = historyAfterFailure(history, nextStretch(history, 0));
      history = isHopeless(after) ? historyAfterSkip(after) : after;
    }
    expect(history).toBeUndefined();
    expect(steps).toBeLessThan(100);
  });
});

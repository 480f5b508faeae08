import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  MAX_SPREAD_SECONDS,
  nextPageRequest,
  positionAfterPage,
  type SyncPosition,
  withPageRequested,
} from '../../src/domain/sync.ts';

const START: SyncPosition = { cursorSeconds: 0, resume: undefined, history: undefined, recentQuestions: [] };

type Group = { id: number; modified: number };

/**
 * Withings as far as reading depends on it: what changed after a moment, in an order of its own, a page from an offset.
 */
const withings = (groups: readonly Group[], pageSize: number, order: 'ascending' | 'descending') => {
  const sign = order === 'ascending' ? 1 : -1;
  return ({ lastUpdateSeconds, offset = 0 }: { lastUpdateSeconds: number; offset: number | undefined }) => {
    const found = groups
      .filter(({ modified }) => modified > lastUpdateSeconds)
      .sort((left, right) => sign * (left.modified - right.modified || left.id - right.id));
    const next = offset + pageSize;
    return { page: found.slice(offset, next), nextOffset: next < found.length ? next : undefined };
  };
};

/** Reads until there is no more, a page a minute; the ids seen, and how many pages it took. */
const readWhole = (ask: ReturnType<typeof withings>, start: SyncPosition, mostPages: number) => {
  const seen = new Set<number>();
  let position = start;
  for (let pages = 1; pages <= mostPages; pages += 1) {
    const now = pages * 60_000;
    const question = nextPageRequest(position, now, 17);
    const { page, nextOffset } = ask(question);
    for (const { id } of page) seen.add(id);
    const marks = {
      modifiedSeconds: page.map(({ modified }) => modified),
      nextOffset,
      pageMark: page.reduce((mark, { id }) => mark * 31 + id, 7) % 1_000_003,
    };
    const { isEnd, ...after } = positionAfterPage(position, question, marks);
    position = { ...withPageRequested(position, { kind: 'changes', ...question }, now), ...after };
    if (isEnd) return { seen, position, pages };
  }
  throw new Error(`not read after ${mostPages} pages`);
};

describe('a history', () => {
  const history = fc.array(
    fc.record({ at: fc.integer({ min: 1, max: 40 }), step: fc.constantFrom(1, 50, 3_600, 86_400) }),
    {
      maxLength: 60,
    },
  );

  test.each(['ascending', 'descending'] as const)(
    'in %s order is read whole, whatever the page, and the cursor ends at its newest',
    (order) => {
      fc.assert(
        fc.property(history, fc.integer({ min: 1, max: 25 }), (moments, pageSize) => {
          const groups = moments.map(({ at, step }, id) => ({ id, modified: 1_700_000_000 + at * step }));
          const { seen, position } = readWhole(withings(groups, pageSize, order), START, 4 * groups.length + 4);
          expect(seen.size).toBe(groups.length);
          expect(position.resume).toBeUndefined();
          expect(position.cursorSeconds).toBe(Math.max(0, ...groups.map(({ modified }) => modified)));
        }),
        { seed: 20_261_122 },
      );
    },
  );

  test('of which a page is all of one moment says nothing about the order, so the cursor waits', () => {
    const groups = Array.from({ length: 10 }, (_, id) => ({ id, modified: 1_700_000_000 + (id < 5 ? 86_400 : 0) }));
    expect(readWhole(withings(groups, 5, 'descending'), START, 10).seen.size).toBe(10);
  });

  test('read again after its end brings only what lies within the overlap', () => {
    const groups = Array.from({ length: 100 }, (_, id) => ({ id, modified: 1_700_000_000 + id * 3_600 }));
    const { position } = readWhole(withings(groups, 30, 'ascending'), START, 20);
    const again = readWhole(withings(groups, 30, 'ascending'), position, 2);
    expect([...again.seen]).toEqual([99]);
    expect(again.position.cursorSeconds).toBe(position.cursorSeconds);
  });
});

describe('the next question', () => {
  test('is never one that was asked within seconds, and reads no less', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 30, 90, 1_700_000_000),
        fc.integer({ min: 0, max: MAX_SPREAD_SECONDS - 1 }),
        fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 2, maxLength: 20 }),
        (cursorSeconds, spread, pauses) => {
          let position: SyncPosition = { ...START, cursorSeconds };
          const asked = new Map<number, number>();
          let now = 1_700_000_000_000;
          for (const pauseMs of pauses) {
            now += pauseMs;
            const question = nextPageRequest(position, now, spread);
            const before = asked.get(question.lastUpdateSeconds);
            expect(before === undefined || now - before >= 10_000).toBe(true);
            expect(question.lastUpdateSeconds).toBeLessThanOrEqual(Math.max(cursorSeconds - 60, spread + 100));
            expect(question.lastUpdateSeconds).toBeGreaterThan(0);
            asked.set(question.lastUpdateSeconds, now);
            position = withPageRequested(position, { kind: 'changes', ...question }, now);
          }
        },
      ),
      { seed: 20_261_122 },
    );
  });

  test('differs between two connections to one account, at the very beginning too', () => {
    for (const cursorSeconds of [0, 1_700_000_000]) {
      const of = (spread: number) => nextPageRequest({ ...START, cursorSeconds }, 0, spread).lastUpdateSeconds;
      expect(new Set([0, 1, 30, 59].map(of)).size).toBe(4);
    }
  });
});

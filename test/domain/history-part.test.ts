import { expect, test } from 'vitest';

import { partOfHistory } from '../../src/domain/history-part.ts';
import { nextStretch, startOfHistory } from '../../src/domain/history.ts';
import type { SyncPosition } from '../../src/domain/sync.ts';

const START = 1_700_000_000;
const UNTIL = START - 1_000;
const history = { ...startOfHistory(START * 1_000), untilSeconds: UNTIL };
const position: SyncPosition = { cursorSeconds: 1, resume: undefined, history, recentQuestions: [] };
const stretch = nextStretch(history, 0);
const partOf = (secondsBack: number[], most = 3) =>
  partOfHistory(position, stretch, most)?.(secondsBack.map((back) => UNTIL - back));

test.each([
  ['that is not newest first', [50, 40, 30, 20, 10]],
  ['with one group out of order at its end', [10, 20, 30, 40, 35]],
  ['with a time that cannot be read', [10, 20, 30, NaN, 50]],
  ['all of one second', [10, 10, 10, 10, 10]],
  ['all after the end of the stretch, which was widened', [-50, -40, -30, -20, -10]],
  ['of no more groups than the part', [10, 20, 30]],
  ['all of before 1970', [10, 20, 30, 40, 50].map((back) => back + 2 * START)],
])('an answer %s is read whole', (_, secondsBack) => {
  expect(partOf(secondsBack)).toBe(secondsBack.length);
});

test('a part ends before the stretch does, so that the next request is for less', () => {
  expect(partOf([10, 20, 30, 40, 50])).toBe(3);
  expect(partOf([-20, -10, -1, 0, 1, 2, 3])).toBe(6);
});

test('changes, heights, and a stretch that is read by offset have no part', () => {
  expect(partOfHistory(position, { kind: 'changes', lastUpdateSeconds: 1, offset: undefined }, 3)).toBeUndefined();
  expect(partOfHistory(position, { ...stretch, kind: 'heights' }, 3)).toBeUndefined();
  expect(partOfHistory(position, { ...stretch, offset: 300 }, 3)).toBeUndefined();
});

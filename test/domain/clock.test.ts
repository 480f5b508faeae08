import { expect, test } from 'vitest';

import { createClock } from '../../src/domain/clock.ts';

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 5, 15);

test.each([
  { what: 'right', own: NOW, askedAt: NOW, trueNow: NOW, after: NOW },
  { what: 'a little off', own: NOW, askedAt: NOW, trueNow: NOW - 50_000, after: NOW },
  { what: 'ahead by an hour', own: NOW, askedAt: NOW, trueNow: NOW - 60 * MINUTE_MS, after: NOW - 60 * MINUTE_MS },
  { what: 'behind by an hour', own: NOW, askedAt: NOW, trueNow: NOW + 60 * MINUTE_MS, after: NOW + 60 * MINUTE_MS },
  {
    what: 'right, and the answer took ten minutes',
    own: NOW,
    askedAt: NOW - 10 * MINUTE_MS,
    trueNow: NOW - 10 * MINUTE_MS,
    after: NOW,
  },
  {
    what: 'right, and the question took ten minutes',
    own: NOW,
    askedAt: NOW - 10 * MINUTE_MS,
    trueNow: NOW,
    after: NOW,
  },
])('a clock that is $what is set right, and no other', ({ own, askedAt, trueNow, after }) => {
  const clock = createClock(() => own);
  expect(clock.correct(trueNow, askedAt)).toBe(own - after);
  expect(clock.now()).toBe(after);
});

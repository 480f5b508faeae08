import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { type Figures, machine, printed, type Report, type Result, type Size } from './report.ts';
import { ALL_ROUTES } from './routes.ts';

/** The tables of docs/performance.md are pasted from what the bench prints, or compared by a test with what it counted. */

const SMALL: Size = { connections: 1, measurements: 1 };
const LARGE: Size = { connections: 2, measurements: 2 };
const FIGURES: Figures = { perSecond: 1, cpuUs: 1 };
const USED = { invocations: 1, usedHeapMb: 1, residentMb: 1 };
const TIMES = { readable: [1], event: [1] };

const result = (size: Size) =>
  ALL_ROUTES.map((route): Result => ({
    ...size,
    route,
    broker: FIGURES,
    floor: FIGURES,
    ratio: 1,
    atLeast: null,
    instead: null,
  }));

/** One of each. */
const REPORT: Report = {
  machine: machine(),
  bundle: null,
  results: [SMALL, LARGE].flatMap(result),
  ticks: [{ ...SMALL, due: 1, handled: 1, rowsRead: 1, rowsReadToFindTheWork: 1, rowsWritten: 1 }],
  live: { withShare: TIMES, withoutShare: TIMES },
  cpu: [
    {
      work: { name: 'any', atMost: { warm: 1 }, setUp: () => undefined, prepare: () => 'tick' },
      broker: { cold: 1, warm: 1 },
      bare: { cold: 1, warm: 1 },
    },
  ],
  memory: [{ minutes: 1, broker: USED, bare: USED }],
};

/** The first lines of tables, without their padding. */
const headsOf = (text: string): string[] =>
  text
    .split('\n')
    .filter((line, index, lines) => line.startsWith('|') && /^[|\s-]+$/.test(lines[index + 1] ?? ''))
    .map((line) => line.replaceAll(/ +/g, ' '));

/** Compared by test/http/trips.test.ts. */
const COUNTED = [
  '| route | D1 before | D1 now | stages |',
  '| from | round trip | auth at a front | auth | status | callback | metrics page | sync | sync with a refresh |',
];

test('every table of docs/performance.md is printed by the bench, or compared with what a test counts', () => {
  const page = headsOf(readFileSync(new URL('../../docs/performance.md', import.meta.url).pathname, 'utf8'));
  const known = [...headsOf(printed(REPORT, SMALL)), ...COUNTED];
  expect(known).toHaveLength(6 + COUNTED.length);
  expect(page.filter((head) => !known.includes(head))).toEqual([]);
  expect(page.length).toBeGreaterThan(COUNTED.length);
});

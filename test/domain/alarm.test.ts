import { describe, expect, test } from 'vitest';

import {
  type AlarmState,
  delayed,
  evaluateAlarms,
  evaluateLag,
  isCronLate,
  isCronSilent,
  LATE_MS,
  NO_ALARMS,
  recordTick,
  type QueuedNotice,
} from '../../src/domain/alarm.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const WINDOW_MS = 15 * MINUTE_MS;
const evaluate = (open: AlarmState['open'], seen: Parameters<typeof evaluateAlarms>[1], now = NOW) =>
  evaluateAlarms({ open }, seen, { now, repeatMs: HOUR_MS, newId: () => 'msg_1' });

describe('an alarm', () => {
  test('that begins is noticed once, with its reason', () => {
    const { open, notices } = evaluate({}, { reauth_spike: '12 within an hour' });
    expect(open).toEqual({ reauth_spike: { since: NOW, notifiedAt: NOW, reason: '12 within an hour' } });
    expect(notices).toEqual([
      { id: 'msg_1', code: 'reauth_spike', kind: 'raised', at: NOW, since: NOW, reason: '12 within an hour' },
    ]);
    expect(evaluate(open, { reauth_spike: '13 within an hour' }, NOW + HOUR_MS - 1)).toEqual({ open, notices: [] });
  });

  test('that lasts is repeated after the interval, and keeps its beginning', () => {
    const open = { cron_late: { since: NOW - 5 * HOUR_MS, notifiedAt: NOW - HOUR_MS, reason: 'old' } };
    const repeated = evaluate(open, { cron_late: 'new' });
    expect(repeated.notices).toMatchObject([{ kind: 'still_on', since: NOW - 5 * HOUR_MS, reason: 'new' }]);
    expect(repeated.open.cron_late).toEqual({ since: NOW - 5 * HOUR_MS, notifiedAt: NOW, reason: 'new' });
  });

  test('that ends is noticed once, and one that never began is not', () => {
    const open = { cron_late: { since: 1, notifiedAt: NOW, reason: 'old' } };
    const ended = evaluate(open, { cron_late: false, reauth_spike: false });
    expect(ended.open).toEqual({});
    expect(ended.notices).toMatchObject([{ code: 'cron_late', kind: 'over', reason: 'old' }]);
  });

  test('that was not checked stays as it is', () => {
    const open = { cron_late: { since: 1, notifiedAt: 1, reason: 'old' } };
    expect(evaluate(open, {})).toEqual({ open, notices: [] });
  });
});

describe('a backlog', () => {
  const mark = { at: NOW, lagMs: LATE_MS + 60_000 };

  test('that is not late is not growing, and writes no mark', () => {
    expect(evaluateLag(undefined, LATE_MS, NOW)).toEqual({ mark: undefined, growing: false });
    expect(evaluateLag(mark, LATE_MS, NOW)).toEqual({ mark, growing: false });
  });

  test('is marked when it is first late, and compared a quarter of an hour later, not before', () => {
    expect(evaluateLag(undefined, mark.lagMs, NOW)).toEqual({ mark, growing: undefined });
    expect(evaluateLag(mark, 99 * HOUR_MS, NOW + WINDOW_MS - 1)).toEqual({ mark, growing: undefined });
  });

  test.each([
    { lag: 'the same', lagMs: mark.lagMs, growing: true },
    { lag: 'longer', lagMs: mark.lagMs + 1, growing: true },
    { lag: 'shorter', lagMs: mark.lagMs - 1, growing: undefined },
  ])('that has waited $lag after the window: growing $growing', ({ lagMs, growing }) => {
    expect(evaluateLag(mark, lagMs, NOW + WINDOW_MS)).toEqual({ mark: { at: NOW + WINDOW_MS, lagMs }, growing });
  });

  test('is compared with no mark of another day', () => {
    expect(evaluateLag(mark, mark.lagMs, NOW + WINDOW_MS + LATE_MS).growing).toBe(true);
    const now = NOW + WINDOW_MS + LATE_MS + 1;
    expect(evaluateLag(mark, mark.lagMs, now)).toEqual({ mark: { at: now, lagMs: mark.lagMs }, growing: undefined });
  });
});

describe('the cron', () => {
  test('records a tick hourly, and the first one at once', () => {
    expect(recordTick(undefined, NOW)).toBe(NOW);
    expect(recordTick(NOW, NOW + HOUR_MS - 1)).toBe(NOW);
    expect(recordTick(NOW, NOW + HOUR_MS)).toBe(NOW + HOUR_MS);
  });

  test('is silent when a tick should have been recorded, but never before the first', () => {
    const silent = (tickAt: number | undefined, now: number) => isCronSilent({ ...NO_ALARMS, tickAt }, now);
    expect(silent(undefined, NOW)).toBe(false);
    expect(silent(NOW, NOW + HOUR_MS + LATE_MS)).toBe(false);
    expect(silent(NOW, NOW + HOUR_MS + LATE_MS + 1)).toBe(true);
  });

  test('is late when something waits and no tick has left a recent mark', () => {
    const late = (lag: AlarmState['lag'], lagMs: number, now = NOW) => isCronLate({ ...NO_ALARMS, lag }, lagMs, now);
    expect(late(undefined, LATE_MS)).toBe(false);
    expect(late(undefined, LATE_MS + 1)).toBe(true);
    expect(late({ at: NOW - WINDOW_MS - LATE_MS, lagMs: 1 }, LATE_MS + 1)).toBe(false);
    expect(late({ at: NOW - WINDOW_MS - LATE_MS - 1, lagMs: 1 }, LATE_MS + 1)).toBe(true);
  });
});

test('a notice that fails is due again after 1, 2, 4 … minutes, at most an hour', () => {
  let notice = { failures: 0, nextAt: 0 } as QueuedNotice;
  const pauses = Array.from({ length: 8 }, () => {
    notice = delayed(notice, NOW);
    return (notice.nextAt - NOW) / MINUTE_MS;
  });
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(notice.failures).toBe(8);
});

import { describe, expect, test } from 'vitest';

import { type DueToPoll, planPoll, POLL_INTERVAL_MS } from '../../src/domain/poll.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';

const NOW = Date.UTC(2026, 5, 15, 12);

/** A connection with recent data whose last sync was two days ago. */
const due = (changes: Partial<DueToPoll> = {}): DueToPoll => ({
  dueAt: NOW,
  isPollable: true,
  dataAt: NOW - 3 * DAY_MS,
  lastUsedAt: NOW - 3 * DAY_MS,
  lastSyncAt: NOW - 2 * DAY_MS,
  accessExpiresAt: NOW - DAY_MS,
  ...changes,
});
const RESTS = { kind: 'rest', nextAt: undefined };
const QUIET = { dataAt: 0, lastUsedAt: NOW - 15 * DAY_MS, lastSyncAt: NOW - 27 * DAY_MS };

describe('a connection whose turn has come', () => {
  test('rests if it ended or its app is disabled, however good its token and recent its data', () => {
    expect(planPoll(due({ isPollable: false, accessExpiresAt: NOW + HOUR_MS }), NOW)).toEqual(RESTS);
  });

  test.each([
    ['no token', NOW - DAY_MS, 'rest'],
    ['a token that ends in five minutes', NOW + 5 * MINUTE_MS, 'rest'],
    ['a token that ends later', NOW + 5 * MINUTE_MS + 1, 'poll'],
  ])('without recent data or use, with %s, costs no refresh and has no next turn', (_, accessExpiresAt, kind) => {
    expect(planPoll(due({ ...QUIET, accessExpiresAt }), NOW)).toEqual({ kind, nextAt: undefined });
  });

  test('without recent data rests if it was synced within 27 days, however good its token', () => {
    const synced = { ...QUIET, lastSyncAt: QUIET.lastSyncAt + 1, accessExpiresAt: NOW + HOUR_MS };
    expect(planPoll(due(synced), NOW)).toEqual(RESTS);
  });

  test.each([
    ['data of 30 days ago', { ...QUIET, dataAt: NOW - 30 * DAY_MS }, 'poll'],
    ['older data', { ...QUIET, dataAt: NOW - 30 * DAY_MS - 1 }, 'rest'],
    ['an app that used it 14 days ago', { ...QUIET, lastUsedAt: NOW - 14 * DAY_MS }, 'poll'],
    ['an earlier use', { ...QUIET, lastUsedAt: NOW - 14 * DAY_MS - 1 }, 'rest'],
  ])('with %s: %#', (_, changes, kind) => {
    expect(planPoll(due(changes), NOW).kind).toBe(kind);
  });

  test('is asked about daily, also without a good token', () => {
    expect(planPoll(due(), NOW)).toEqual({ kind: 'poll', nextAt: NOW + POLL_INTERVAL_MS });
  });

  test('waits for a day from its last sync, if a push or a request brought that', () => {
    const lastSyncAt = NOW - POLL_INTERVAL_MS + 1;
    const waiting = due({ lastSyncAt, dueAt: lastSyncAt + 2 * HOUR_MS });
    expect(planPoll(waiting, NOW)).toEqual({ kind: 'wait', nextAt: NOW + 1 });
    expect(planPoll({ ...waiting, lastSyncAt: lastSyncAt - 1 }, NOW).kind).toBe('poll');
  });

  test('is looked at again within the hour of a review that missed something', () => {
    const lastSyncAt = NOW - HOUR_MS;
    const confirm = { kind: 'confirm', nextAt: NOW + POLL_INTERVAL_MS };
    expect(planPoll(due({ lastSyncAt, dueAt: lastSyncAt + HOUR_MS - 1 }), NOW)).toEqual(confirm);
    expect(planPoll(due({ lastSyncAt, dueAt: lastSyncAt + HOUR_MS }), NOW).kind).toBe('wait');
    expect(planPoll(due({ lastSyncAt, dueAt: lastSyncAt }), NOW).kind).toBe('wait');
  });

  test('is asked about if an isolate with a wrong clock dated its last sync ahead', () => {
    expect(planPoll(due({ lastSyncAt: NOW + 1 }), NOW).kind).toBe('poll');
  });
});

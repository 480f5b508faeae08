import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  DEFAULT_REFRESH_POLICY,
  mayStillSend,
  nextRefreshAt,
  REFRESH_LEASE_MS,
  refreshDecision,
  retryRefreshAt,
} from '../../src/domain/refresh.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/domain/time.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('a stored access token', () => {
  const tokens = { accessTokenSealed: 'sealed', accessExpiresAt: NOW + HOUR_MS, tokenVersion: 3 };

  test('that is valid for long is used', () => {
    expect(refreshDecision(tokens, NOW)).toEqual({ should: false, reason: 'fresh' });
  });

  test('that ends within two minutes, or has ended, is refreshed first', () => {
    const at = (leftMs: number) => refreshDecision({ ...tokens, accessExpiresAt: NOW + leftMs }, NOW);
    expect(at(2 * MINUTE_MS + 1).should).toBe(false);
    expect(at(2 * MINUTE_MS)).toEqual({ should: true, reason: 'expiring' });
    expect(at(0)).toEqual({ should: true, reason: 'expired' });
  });

  test('that Withings has refused is refreshed, unless the refused one was an earlier version', () => {
    expect(refreshDecision(tokens, NOW, 3)).toEqual({ should: true, reason: 'rejected' });
    expect(refreshDecision(tokens, NOW, 2)).toEqual({ should: false, reason: 'rotated_since' });
  });

  test('that is not there cannot be refreshed', () => {
    expect(refreshDecision({ ...tokens, accessTokenSealed: undefined }, NOW, 3).should).toBe(false);
  });
});

describe('the next refresh', () => {
  const next = (lastUsedAt: number | undefined, random: number, wasInDoubt = false) =>
    nextRefreshAt({ accessExpiresAt: NOW + 3 * HOUR_MS, lastUsedAt, wasInDoubt }, DEFAULT_REFRESH_POLICY, NOW, random);

  test('of a connection in use comes 10 to 20 minutes before the token’s end', () => {
    expect(next(NOW, 0)).toBe(NOW + 3 * HOUR_MS - 10 * MINUTE_MS);
    expect(next(NOW - 3 * HOUR_MS + 1, 0.5)).toBe(NOW + 3 * HOUR_MS - 15 * MINUTE_MS);
  });

  test.each([undefined, NOW - 3 * HOUR_MS])('of one last used at %s comes after 36 to 45 days', (lastUsedAt) => {
    fc.assert(
      fc.property(jitter, (random) => {
        const days = (next(lastUsedAt, random) - NOW) / DAY_MS;
        expect(days).toBeGreaterThanOrEqual(36);
        expect(days).toBeLessThanOrEqual(45);
      }),
    );
  });

  test('after a doubt comes within four hours, while the earlier token is still accepted', () => {
    expect(next(undefined, 0, true)).toBe(NOW + 2 * HOUR_MS);
    expect(next(undefined, 0.999, true)).toBeLessThan(NOW + 4 * HOUR_MS);
    expect(next(NOW, 0.999, true)).toBe(next(NOW, 0.999));
  });

  test('is never in the past, not even for a token that has ended', () => {
    const stored = { accessExpiresAt: NOW - HOUR_MS, lastUsedAt: NOW };
    expect(nextRefreshAt(stored, DEFAULT_REFRESH_POLICY, NOW, 0)).toBe(NOW + MINUTE_MS);
  });
});

describe('after transient failures', () => {
  test('the pause doubles from a minute to an hour, and varies over its upper half', () => {
    const longest = [1, 2, 3, 7, 8, 99].map((failures) => (retryRefreshAt(failures, NOW, 1) - NOW) / MINUTE_MS);
    expect(longest).toEqual([1, 2, 4, 60, 60, 60]);
    expect(retryRefreshAt(3, NOW, 0) - NOW).toBe(2 * MINUTE_MS);
  });

  test('it is at least as long as Withings asks', () => {
    expect(retryRefreshAt(1, NOW, 0, 188) - NOW).toBe(188 * SECOND_MS);
  });
});

test('a lease holder sends only if time-out and write still fit the lease', () => {
  const until = NOW + REFRESH_LEASE_MS;
  expect(mayStillSend(until, until - 30 * SECOND_MS)).toBe(true);
  expect(mayStillSend(until, until - 30 * SECOND_MS + 1)).toBe(false);
});

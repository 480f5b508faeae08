import { expect, test } from 'vitest';

import { ACTIVITY_DAYS, lastDays } from '../../src/domain/activity.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { dataPointOf } from '../../src/domain/log.ts';
import { DAY_MS } from '../../src/domain/time.ts';

test('the last 30 days end today, with zeros for days without activity, and without older ones', () => {
  const today = 20_000;
  const counted = [
    { day: today, synced: 2, refreshed: 1 },
    { day: today - ACTIVITY_DAYS + 1, synced: 5, refreshed: 0 },
    { day: today - ACTIVITY_DAYS, synced: 9, refreshed: 9 },
  ];
  const days = lastDays(counted, today * DAY_MS + DAY_MS - 1);
  expect(days).toHaveLength(30);
  expect(days.at(0)).toEqual(counted[1]);
  expect(days.at(-1)).toEqual(counted[0]);
  expect(days.slice(1, -1).every(({ synced, refreshed }) => synced === 0 && refreshed === 0)).toBe(true);
});

test('a data point has the line’s words and numbers in fixed columns, and no user', () => {
  const point = dataPointOf({
    level: 'warn',
    event: 'request',
    outcome: 'rate_limited',
    reason: 'app',
    method: 'GET',
    route: '/apps/:app_id',
    appId: asAppId('app_1'),
    userHash: 'user_secret',
    requestId: 'ray-1',
    status: 429,
    durationMs: 12,
  });
  expect(point).toEqual({
    indexes: ['request'],
    blobs: ['request', 'rate_limited', 'app', 'warn', 'GET', '/apps/:app_id', 'app_1'],
    doubles: [1, 429, 12],
  });
  expect(dataPointOf({ level: 'info', event: 'tick', count: 7 })).toMatchObject({ doubles: [7, 0, 0] });
});

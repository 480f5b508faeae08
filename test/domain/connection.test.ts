import { expect, test } from 'vitest';

import { deliveryOf } from '../../src/domain/connection.ts';

test.each([
  ['push', true, true],
  ['push', true, false],
  ['poll', false, true],
  ['on_request', false, false],
])('data comes by %s: subscribed %s, polled %s', (delivery, isSubscribed, isPolled) => {
  expect(deliveryOf({ isSubscribed, isPolled })).toBe(delivery);
});

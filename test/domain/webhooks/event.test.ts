import { describe, expect, test } from 'vitest';

import { isForEndpoint } from '../../../src/domain/webhooks/event.ts';

const endpoint = { id: 'wh_1', eventTypes: ['user.erased'] };

describe('an endpoint gets', () => {
  test('the types of its filter, or all without one', () => {
    expect(isForEndpoint({ type: 'user.erased', detail: {} }, endpoint)).toBe(true);
    expect(isForEndpoint({ type: 'measurements.changed', detail: {} }, endpoint)).toBe(false);
    expect(isForEndpoint({ type: 'user.erased', detail: {} }, { ...endpoint, eventTypes: [] })).toBe(false);
    expect(isForEndpoint({ type: 'measurements.changed', detail: {} }, { ...endpoint, eventTypes: undefined })).toBe(
      true,
    );
  });

  test('its own tests and no other’s, whatever its filter', () => {
    const test = (endpointId: string | undefined) => ({ type: 'webhook.test' as const, detail: { endpointId } });
    expect(isForEndpoint(test('wh_1'), endpoint)).toBe(true);
    for (const other of ['wh_2', undefined])
      expect(isForEndpoint(test(other), { id: 'wh_1', eventTypes: ['webhook.test'] })).toBe(false);
  });
});

import { describe, expect, test } from 'vitest';

import { currentPass, isPassDue, isSettled, keyIdsInUse, type ResealState } from '../../src/domain/reseal.ts';
import { HOUR_MS } from '../../src/domain/time.ts';

const PROMOTED = Date.UTC(2026, 5, 15, 12);
const RING = { currentKeyId: 'k2', keyIds: ['k1', 'k2'] };
const pass = { startedAt: PROMOTED + HOUR_MS, afterId: 9, counts: { k2: 3 }, resealed: 0, broken: 0 };
const done = { ...pass, finishedAt: PROMOTED + HOUR_MS + 1 };
const state = (changes: Partial<ResealState> = {}): ResealState => ({
  keyId: 'k2',
  promotedAt: PROMOTED,
  walk: undefined,
  last: done,
  ...changes,
});

describe('an old key can be removed', () => {
  test('after a complete pass that began an hour after the promotion and found only the current key', () => {
    expect(isSettled(state(), 'k2')).toBe(true);
    expect(isSettled(state({ last: { ...done, counts: {} } }), 'k2')).toBe(true);
  });

  test.each<[string, ResealState | undefined, string]>([
    ['before any pass', undefined, 'k2'],
    ['while the first pass runs', state({ last: undefined, walk: pass }), 'k2'],
    ['when another key has become current', state(), 'k3'],
    [
      'after a pass within the hour of the promotion',
      state({ last: { ...done, startedAt: PROMOTED + HOUR_MS - 1 } }),
      'k2',
    ],
    ['after a pass that sealed something again', state({ last: { ...done, resealed: 1 } }), 'k2'],
    ['after a pass that found another key', state({ last: { ...done, counts: { k2: 3, k1: 1 } } }), 'k2'],
  ])('but not %s', (_, before, currentKeyId) => {
    expect(isSettled(before, currentKeyId)).toBe(false);
  });
});

describe('a pass is due', () => {
  const unsettled = state({ last: { ...done, resealed: 1 } });

  test.each<[string, ResealState | undefined, number]>([
    ['before the first one', undefined, PROMOTED],
    ['after a promotion', state({ keyId: 'k1' }), PROMOTED],
    ['while one is unfinished', state({ walk: pass }), PROMOTED],
    ['an hour after one that does not settle', unsettled, done.startedAt + HOUR_MS],
  ])('%s', (_, before, now) => expect(isPassDue(before, RING, now)).toBe(true));

  test.each<[string, ResealState | undefined, number]>([
    ['when all is settled', state(), PROMOTED + 99 * HOUR_MS],
    ['within an hour of the one before', unsettled, done.startedAt + HOUR_MS - 1],
  ])('but not %s', (_, before, now) => expect(isPassDue(before, RING, now)).toBe(false));

  test('but never for a ring of one key', () => {
    expect(isPassDue(undefined, { currentKeyId: 'k2', keyIds: ['k2'] }, PROMOTED)).toBe(false);
  });
});

describe('a pass', () => {
  test('continues where it was', () => {
    expect(currentPass(state({ walk: pass }), 'k2', PROMOTED).walk).toEqual(pass);
  });

  test('begins before the lowest id, and counts nothing yet', () => {
    const fresh = { startedAt: 7, afterId: -1, counts: {}, resealed: 0, broken: 0 };
    expect(currentPass(undefined, 'k2', 7)).toEqual({ keyId: 'k2', promotedAt: 7, walk: fresh, last: undefined });
    expect(currentPass(state(), 'k2', 7)).toEqual({ ...state(), walk: fresh });
  });

  test('of an earlier key is given up when another one becomes current', () => {
    const next = currentPass(state({ walk: pass }), 'k3', 7);
    expect(next).toMatchObject({ keyId: 'k3', promotedAt: 7, walk: { afterId: -1, counts: {} }, last: done });
  });
});

test('the keys in use are those of the last pass and of the unfinished one', () => {
  expect(keyIdsInUse(undefined)).toEqual([]);
  expect(keyIdsInUse(state({ walk: { ...pass, counts: { k1: 1, k2: 1 } } })).sort()).toEqual(['k1', 'k2']);
});

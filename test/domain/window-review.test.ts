import { describe, expect, test } from 'vitest';

import { END_OF_TIME_SECONDS } from '../../src/domain/history.ts';
import {
  evaluateReview,
  FIRST_REVIEW,
  positionAfterFailedReview,
  positionAfterReview,
  type ReviewedGroup,
  reviewWindow,
  type WindowAnswer,
} from '../../src/domain/window-review.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const NOW_SECONDS = NOW / 1000;
const DAY = 86_400;
const group = (changes: Partial<ReviewedGroup> = {}): ReviewedGroup => ({
  groupId: 1,
  measuredAtSeconds: NOW_SECONDS - DAY,
  createdAtSeconds: 1,
  modifiedAtSeconds: 1,
  sourceId: 7,
  ambiguous: false,
  values: [{ type: 1, position: -1, value: 68.4 }],
  storedAt: NOW - 1e3,
  missingSince: undefined,
  ...changes,
});
const answer = (changes: Partial<WindowAnswer> = {}): WindowAnswer => ({
  askedAt: NOW,
  isWhole: true,
  types: new Set([1]),
  groupCount: 5,
  ...changes,
});
const NOTHING = { missing: [], gone: [], unjudged: false, candidates: [] };
const evaluate = (lacking: ReviewedGroup[], given = answer(), lone: number[] = []) =>
  evaluateReview(lacking, given, new Set(lone));

describe('a stored group that the answer lacks', () => {
  test('is missing the first time and gone the second', () => {
    const [first, second] = [group(), group({ groupId: 2, missingSince: NOW - 1 })];
    expect(evaluate([first, second])).toEqual({ ...NOTHING, missing: [first], gone: [second] });
  });

  test('is not gone by a read that began before the one that missed it', () => {
    expect(evaluate([group({ missingSince: NOW + 1 })])).toEqual(NOTHING);
  });

  test('is not judged if it was stored after the read began', () => {
    expect(evaluate([group({ storedAt: NOW })]).missing).toHaveLength(1);
    expect(evaluate([group({ storedAt: NOW + 1 })])).toEqual(NOTHING);
  });

  test.each([
    ['that has several pages', answer({ isWhole: false })],
    ['that is empty', answer({ types: new Set(), groupCount: 0 })],
    ['that lost its kind of measure', answer({ types: new Set([196]) })],
  ])('is not judged by an answer %s', (_, given) => {
    expect(evaluate([group({ missingSince: 1 })], given)).toEqual({ ...NOTHING, unjudged: true });
  });

  test('is judged by an answer that has one kind of its measures', () => {
    const values = [...group().values, { type: 196, position: -1, value: 27 }];
    expect(evaluate([group({ values })]).missing).toHaveLength(1);
  });

  test('is judged without its kind in the answer if it is known to be the only one', () => {
    const given = answer({ types: new Set([4]) });
    expect(evaluate([group()], given)).toEqual({ ...NOTHING, unjudged: true, candidates: [group()] });
    expect(evaluate([group()], given, [1])).toEqual({ ...NOTHING, missing: [group()] });
  });

  test('is no candidate for that if any of its kinds may be hidden by a plan', () => {
    const values = [...group().values, { type: 196, position: -1, value: 27 }];
    expect(evaluate([group({ values })], answer({ types: new Set([4]) })).candidates).toEqual([]);
    expect(evaluate([group({ values: [] })], answer({ types: new Set([4]) })).candidates).toEqual([]);
  });
});

describe('the window to read', () => {
  test('is the last 30 days and all that is dated ahead, or the 30 days before those', () => {
    expect(reviewWindow(FIRST_REVIEW, 'recent', NOW, 0)).toMatchObject({
      fromSeconds: NOW_SECONDS - 30 * DAY,
      toSeconds: END_OF_TIME_SECONDS,
    });
    expect(reviewWindow(FIRST_REVIEW, 'older', NOW, 0)).toMatchObject({
      fromSeconds: NOW_SECONDS - 60 * DAY,
      toSeconds: NOW_SECONDS - 30 * DAY,
    });
  });

  test('gets longer by the variation, and one that reaches 1970 takes all that is dated before', () => {
    const varied = reviewWindow(FIRST_REVIEW, 'recent', NOW, 7);
    expect(varied.fromSeconds).toBe(NOW_SECONDS - 30 * DAY - 7);
    const oldest = { ...FIRST_REVIEW, olderUntilSeconds: 5 };
    const first = reviewWindow(oldest, 'older', NOW, 7);
    expect(first.fromSeconds).toBeLessThan(Date.parse('0001-01-01') / 1000);
    expect(first.toSeconds).toBe(5);
  });

  test('of a partial history begins no earlier than that, and older ones begin again at its start', () => {
    const since = NOW_SECONDS - 50 * DAY;
    const window = (olderUntilSeconds?: number, from = since) =>
      reviewWindow({ ...FIRST_REVIEW, olderUntilSeconds }, 'older', NOW, 7, from);
    const newest = { kind: 'older', fromSeconds: since + 7, toSeconds: NOW_SECONDS - 30 * DAY };
    expect(window()).toEqual(newest);
    expect(window(newest.fromSeconds)).toEqual(newest);
    const recent = { kind: 'recent', fromSeconds: NOW_SECONDS - DAY + 7, toSeconds: END_OF_TIME_SECONDS };
    expect(window(undefined, NOW_SECONDS - DAY)).toEqual(recent);
  });
});

describe('the position after a review', () => {
  const older = reviewWindow(FIRST_REVIEW, 'older', NOW, 0);
  const recent = reviewWindow(FIRST_REVIEW, 'recent', NOW, 0);
  const full = answer({ groupCount: 100 });

  test('moves back to the next older window, and doubles one with room', () => {
    expect(positionAfterReview(FIRST_REVIEW, older, full, NOTHING, 1)).toEqual({
      ...FIRST_REVIEW,
      olderUntilSeconds: older.fromSeconds,
    });
    expect(positionAfterReview(FIRST_REVIEW, older, answer(), NOTHING, 1).olderSpanSeconds).toBe(60 * DAY);
  });

  test('starts again beyond the oldest measurement', () => {
    for (const oldest of [undefined, older.fromSeconds]) {
      expect(positionAfterReview(FIRST_REVIEW, older, full, NOTHING, oldest).olderUntilSeconds).toBeUndefined();
    }
  });

  test('reads a window again if something was missing in it', () => {
    const found = { ...NOTHING, missing: [group()] };
    const after = positionAfterReview(FIRST_REVIEW, older, answer(), found, 1);
    expect(after).toEqual({ ...FIRST_REVIEW, olderUntilSeconds: older.toSeconds });
  });

  test('halves a window that did not fit a page, down to a day', () => {
    const parted = answer({ isWhole: false });
    expect(positionAfterReview(FIRST_REVIEW, older, parted, NOTHING, 1)).toEqual({
      ...FIRST_REVIEW,
      olderSpanSeconds: 15 * DAY,
      olderUntilSeconds: older.toSeconds,
    });
    const day = { ...FIRST_REVIEW, olderSpanSeconds: DAY };
    const after = positionAfterReview(day, older, parted, NOTHING, 1);
    expect(after).toMatchObject({ olderSpanSeconds: DAY, olderUntilSeconds: older.fromSeconds });
  });

  test('keeps the recent window at 30 days, and widens it only while a group there cannot be judged', () => {
    const span = (given: WindowAnswer, unjudged: boolean, from = 30 * DAY) =>
      positionAfterReview(
        { ...FIRST_REVIEW, recentSpanSeconds: from },
        recent,
        given,
        { ...NOTHING, unjudged },
        undefined,
      ).recentSpanSeconds;
    expect(span(answer(), false)).toBe(30 * DAY);
    expect(span(answer(), true)).toBe(60 * DAY);
    expect(span(full, false, 60 * DAY)).toBe(30 * DAY);
    // Many groups, and none of its kind.
    expect(span(full, true, 120 * DAY)).toBe(30 * DAY);
    expect(span(answer({ isWhole: false }), true)).toBe(15 * DAY);
  });
});

describe('a window that could not be read', () => {
  const older = reviewWindow(FIRST_REVIEW, 'older', NOW, 0);

  test('is halved and tried again', () => {
    expect(positionAfterFailedReview(FIRST_REVIEW, reviewWindow(FIRST_REVIEW, 'recent', NOW, 0))).toEqual({
      ...FIRST_REVIEW,
      recentSpanSeconds: 15 * DAY,
    });
    expect(positionAfterFailedReview(FIRST_REVIEW, older)).toEqual({
      ...FIRST_REVIEW,
      olderSpanSeconds: 15 * DAY,
      olderUntilSeconds: older.toSeconds,
    });
  });

  test('is left for the one before if it is only a day', () => {
    const after = positionAfterFailedReview({ ...FIRST_REVIEW, olderSpanSeconds: DAY }, older);
    expect(after).toMatchObject({ olderSpanSeconds: DAY, olderUntilSeconds: older.fromSeconds });
  });
});

import { describe, expect, test } from 'vitest';

import type { HistoryPosition } from '../../src/domain/history.ts';
import { historyProgress, positionAtStart } from '../../src/domain/start-position.ts';
import type { SyncPosition } from '../../src/domain/sync.ts';
import { DAY_MS, toSeconds } from '../../src/domain/time.ts';

const NOW = Date.UTC(2026, 5, 15, 12);
const STARTED = NOW - DAY_MS;
const UNTIL = toSeconds(STARTED) - 100 * 86_400;

const resume = { lastUpdateSeconds: 1, offset: 300, newestSeconds: 2, seen: [] };
const position = (changes: Partial<SyncPosition> = {}): SyncPosition => ({
  cursorSeconds: 0,
  history: undefined,
  resume: undefined,
  recentQuestions: [],
  ...changes,
});
const history = (changes: Partial<HistoryPosition> = {}): HistoryPosition => ({
  startedAt: STARTED,
  newsAt: STARTED,
  ...changes,
});
/** The newest 90 days are stored, and no more is read without a request. */
const recent = history({ reach: 'recent', untilSeconds: UNTIL, heights: 'read' });

describe('a sync begins', () => {
  test('with a history, if nothing is stored', () => {
    expect(positionAtStart(position({ resume }), NOW)).toEqual(
      position({ history: history({ startedAt: NOW, newsAt: NOW }) }),
    );
  });

  test('where the last one ended, if a history is stored or being read', () => {
    for (const stored of [
      position({ cursorSeconds: 9, resume }),
      position({ cursorSeconds: 9, history: history({ untilSeconds: UNTIL }) }),
      position({ history: history({ paged: { fromSeconds: undefined, toSeconds: 9, offset: 300, seen: [] } }) }),
    ])
      expect(positionAtStart(stored, NOW)).toBe(stored);
  });

  test('again with the size that a history has learned, if its first answer never came', () => {
    const begun = positionAtStart(position({ history: history({ spanSeconds: 86_400, failures: 2 }) }), NOW);
    expect(begun.history).toEqual({ startedAt: NOW, newsAt: NOW, spanSeconds: 86_400, failures: 2 });
  });

  test('with the newest stretch alone, ahead of changes that could not be read', () => {
    const begun = positionAtStart(position({ cursorSeconds: 9, history: history({ floorSeconds: 1 }), resume }), NOW);
    expect(begun).toMatchObject({ cursorSeconds: 9, resume: undefined });
    expect(begun.history?.floorSeconds).toBe(toSeconds(NOW) - 90 * 86_400);
  });
});

describe('an app that wants little of the past', () => {
  const byItself = { isAsked: false };

  test('gets what is new since the user connected, if it wants none', () => {
    const begun = positionAtStart(position({ history: history({ reach: 'none' }) }), NOW, byItself);
    expect(begun.cursorSeconds).toBe(toSeconds(STARTED));
    expect(begun.history).toEqual(history({ reach: 'none', untilSeconds: toSeconds(STARTED), heights: 'wanted' }));
  });

  test('keeps its reach while the broker syncs by itself, and gets all of the past once it asks', () => {
    const stored = position({ cursorSeconds: 9, history: recent });
    expect(positionAtStart(stored, NOW, byItself)).toBe(stored);
    expect(positionAtStart(stored, NOW).history).toEqual({ ...recent, reach: undefined });
    const none = position({ cursorSeconds: 9, resume, history: history({ reach: 'none', untilSeconds: UNTIL }) });
    expect(positionAtStart(none, NOW)).toEqual(position({ history: history({ startedAt: NOW, newsAt: NOW }) }));
  });

  test('has an empty history read again from its newest end, with the same reach', () => {
    const begun = positionAtStart(position({ history: recent }), NOW, byItself);
    expect(begun.history).toEqual({ startedAt: NOW, newsAt: NOW, reach: 'recent' });
  });
});

describe('a push', () => {
  const pushed = { isAsked: false, isPushed: true };

  test('interrupts a history for what changed', () => {
    const begun = positionAtStart(
      position({ cursorSeconds: 9, history: history({ untilSeconds: UNTIL }) }),
      NOW,
      pushed,
    );
    expect(begun.history).toEqual(history({ untilSeconds: UNTIL, newsAt: 0 }));
  });

  test('begins a history again in which nothing was found yet', () => {
    const begun = positionAtStart(position({ history: history({ untilSeconds: UNTIL }) }), NOW, pushed);
    expect(begun.history?.untilSeconds).toBeUndefined();
    expect(begun.history?.startedAt).toBe(NOW);
  });

  test('changes nothing for an app that wants none of the past', () => {
    const stored = position({ cursorSeconds: 9, history: history({ reach: 'none', untilSeconds: UNTIL }) });
    expect(positionAtStart(stored, NOW, pushed)).toBe(stored);
  });
});

test.each([
  ['unread', undefined, undefined],
  ['unread', history(), NOW],
  ['reading', history({ untilSeconds: UNTIL }), NOW],
  ['reading', history({ paged: { fromSeconds: undefined, toSeconds: 9, offset: 300, seen: [] } }), NOW],
  ['partial', recent, NOW],
  ['complete', undefined, NOW],
])('a history is %s: %#', (progress, stored, lastSyncAt) => {
  expect(historyProgress(stored, lastSyncAt)).toBe(progress);
});

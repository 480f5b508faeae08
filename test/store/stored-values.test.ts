import { describe, expect, test } from 'vitest';

import { reauthReasonOf } from '../../src/domain/connection.ts';
import { actionWords, surfaceWords } from '../../src/http/dashboard/audit-words.ts';
import { auditDetailOf } from '../../src/store/apps/audit.ts';
import { warningsOf } from '../../src/store/apps/redirect-uris.ts';
import { storedProgress } from '../../src/store/sync/stored-position.ts';
import { timelineOf } from '../../src/store/users/timeline.ts';
import {
  disabledReasonOf,
  eventDetailOf,
  eventTypesOf,
  storedAttempts,
} from '../../src/store/webhooks/stored-values.ts';

/** Columns that another version of the Worker wrote, older, newer, or with a bug: JSON, and words of a closed list. */

const UNREADABLE = ['', 'no JSON', 'null', '7', '"text"'];
const NO_LIST = [...UNREADABLE, '{}'];

describe('of a stored list', () => {
  const attempt = { eventId: 'evt_1', seq: 1, type: 'webhook.test', at: 1, ms: 5 };
  const lists: [name: string, read: (text: string) => unknown[] | undefined, item: unknown, newer: unknown][] = [
    ['the timeline', timelineOf, { kind: 'synced', at: 1, count: 2, until: 3 }, { kind: 'not_invented', at: 1 }],
    ['attempts', storedAttempts, { ...attempt, status: 200 }, { ...attempt, error: 'not_invented' }],
    ['event types', eventTypesOf, 'user.erased', 'not.invented'],
    ['warnings', warningsOf, 'loopback', 'not_invented'],
  ];

  test.each(lists)('%s keep what fits, and leave out what a newer version wrote', (_, read, item, newer) => {
    expect(read(JSON.stringify([newer, item, null, 7, {}]))).toEqual([item]);
    expect(read('[]')).toEqual([]);
  });

  test('fields of a newer version stay', () => {
    expect(timelineOf('[{"kind":"synced","at":1,"later":true}]')).toEqual([{ kind: 'synced', at: 1, later: true }]);
    expect(storedAttempts(JSON.stringify([{ ...attempt, later: 1 }]))).toEqual([{ ...attempt, later: 1 }]);
  });

  test.each([timelineOf, storedAttempts, warningsOf])('what is no list is empty: it is only shown (%o)', (read) => {
    for (const text of NO_LIST) expect(read(text), text).toEqual([]);
  });

  test('without readable event types an endpoint gets all, as without any', () => {
    for (const text of [null, ...NO_LIST]) expect(eventTypesOf(text), String(text)).toBeUndefined();
  });

  test('with types of a newer version alone it gets none of this one', () => {
    expect(eventTypesOf('["not.invented"]')).toEqual([]);
  });
});

describe('of stored details', () => {
  test('an audit entry without readable ones has none, and stays an entry', () => {
    const detail = { name: 'x', disabled: true, scopes: ['read'], limit: 3, owner: null };
    expect(auditDetailOf(JSON.stringify(detail))).toEqual(detail);
    for (const text of [...UNREADABLE, '[]', '{"name":{"first":"x"}}']) expect(auditDetailOf(text), text).toEqual({});
  });

  test('an event without readable ones lists no groups, so that the app reads them', () => {
    expect(eventDetailOf('{"groups":2,"groupIds":[1,2],"later":1}')).toEqual({ groups: 2, groupIds: [1, 2], later: 1 });
    expect(eventDetailOf('{"groups":200,"groupIds":null}')).toEqual({ groups: 200, groupIds: null });
    expect(eventDetailOf('{}')).toEqual({});
    for (const text of [...UNREADABLE, '[]', '{"groupIds":["1"]}'])
      expect(eventDetailOf(text), text).toEqual({ groupIds: null });
  });
});

test('a history whose position cannot be read is being read again, and not complete', () => {
  expect(storedProgress(null, undefined)).toBe('unread');
  expect(storedProgress(null, 1)).toBe('complete');
  for (const text of [...UNREADABLE, '{}', '{"startedAt":"now"}'])
    expect(storedProgress(text, 1), text).toBe('reading');
});

describe('of a word of a closed list', () => {
  test('the reason for consent that is not known is not given', () => {
    expect(reauthReasonOf('seal_broken')).toBe('seal_broken');
    for (const text of [null, '', 'not_invented', 'toString'])
      expect(reauthReasonOf(text), String(text)).toBeUndefined();
  });

  test('an endpoint disabled for an unknown reason is not taken for one that works, or that its owner paused', () => {
    expect(disabledReasonOf('gone')).toBe('gone');
    expect(disabledReasonOf(null)).toBeUndefined();
    expect(disabledReasonOf('not_invented')).toBe('failing');
  });

  test('a change stands in the audit trail by its own word if no other is known', () => {
    expect([actionWords('app.created'), surfaceWords('api')]).toEqual(['App created', 'API']);
    expect([actionWords('app.not_invented'), surfaceWords('watch')]).toEqual(['app.not_invented', 'watch']);
  });
});

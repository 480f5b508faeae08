import { expect, test } from 'vitest';

import * as client from '../../src/client/index.ts';
import { pages } from '../../src/client/pages.ts';
import type { Answer } from '../../src/client/send.ts';

type Listed = { data: number[]; next_cursor: string | null; has_more?: boolean };

const answer = (value: Listed): Answer<Listed> => ({ ok: true, status: 200, value, headers: new Headers() });
const failure: Answer<Listed> = { ok: false, failure: { kind: 'unreachable', reason: 'ECONNREFUSED' } };

/** What the iterator asks for and yields, from a list that answers by cursor. */
const walk = async (answers: Record<string, Answer<Listed>>) => {
  const asked: (string | undefined)[] = [];
  const yielded: unknown[] = [];
  for await (const page of pages(async (cursor) => {
    asked.push(cursor);
    return answers[cursor ?? ''] ?? failure;
  })) {
    yielded.push(page.ok ? page.value.data : page.failure.kind);
  }
  return { asked, yielded };
};

test('every page comes once, in order, and the last one ends it', async () => {
  const first = answer({ data: [1, 2], next_cursor: 'b' });
  const last = answer({ data: [3], next_cursor: null });
  expect(await walk({ '': first, b: last })).toEqual({ asked: [undefined, 'b'], yielded: [[1, 2], [3]] });
});

test('a failure is yielded, not thrown, and nothing is asked after it', async () => {
  const first = answer({ data: [1], next_cursor: 'b' });
  expect(await walk({ '': first })).toEqual({ asked: [undefined, 'b'], yielded: [[1], 'unreachable'] });
});

test('a list that only says whether there is more ends there, though it has a cursor to continue from', async () => {
  const first = answer({ data: [1], next_cursor: 'b', has_more: true });
  const caughtUp = answer({ data: [2], next_cursor: 'c', has_more: false });
  expect(await walk({ '': first, b: caughtUp })).toEqual({ asked: [undefined, 'b'], yielded: [[1], [2]] });
});

test('a cursor that does not move ends it instead of asking for ever', async () => {
  const stuck = answer({ data: [], next_cursor: 'b' });
  expect((await walk({ '': stuck, b: stuck })).asked).toEqual([undefined, 'b']);
});

test('who stops reading asks for no other page', async () => {
  let asked = 0;
  for await (const page of pages(async () => answer({ data: [(asked += 1)], next_cursor: 'b' }))) {
    expect(page.ok).toBe(true);
    break;
  }
  expect(asked).toBe(1);
});

test('one import has every function of the client', () => {
  expect(Object.keys(client)).toEqual(
    expect.arrayContaining([
      'syncAll',
      'linkUrl',
      'listMetrics',
      'createApp',
      'createWebhook',
      'verifyWebhook',
      'pages',
    ]),
  );
});

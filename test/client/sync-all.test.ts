import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { syncAll } from '../../src/client/connections.ts';
import type { Broker } from '../../src/client/send.ts';

type Body = { added: number; complete: boolean; history_complete_from: string | null };
type Served = Partial<Body> | { status: number; retryAfter: number | undefined };

const requests: string[] = [];
/** How long it waited before each request but the first, in seconds. */
let pauses: number[];

beforeEach(() => {
  vi.useFakeTimers();
  requests.length = 0;
  pauses = [];
});
afterEach(() => vi.useRealTimers());

/** A broker that gives these answers, and the last of them for ever. */
const brokerOf = (answers: readonly Served[]): Broker => {
  let last = Date.now();
  return {
    url: 'https://broker.example.com',
    credential: 'key',
    fetch: (input) => {
      if (requests.length > 0) pauses.push((Date.now() - last) / 1_000);
      last = Date.now();
      const served = answers[Math.min(requests.length, answers.length - 1)] ?? {};
      requests.push(new Request(input).url);
      return Promise.resolve(responseOf(served));
    },
  };
};

const responseOf = (served: Served): Response => {
  if ('status' in served) {
    const problem = { code: 'withings_unavailable', title: '', detail: '', request_id: 'r', status: served.status };
    const headers = served.retryAfter === undefined ? {} : { 'Retry-After': String(served.retryAfter) };
    return Response.json(problem, { status: served.status, headers });
  }
  const nothing = { added: 0, changed: 0, removed: 0, skipped: 0, complete: false, history_complete_from: null };
  return Response.json(
    { ...nothing, synced_at: '2026-06-15T12:00:00Z', ...served },
    { status: served.complete ? 200 : 202 },
  );
};

const run = async (answers: readonly Served[], options: Parameters<typeof syncAll>[3] = {}) => {
  const ended = syncAll(brokerOf(answers), 'app_1', 'ada', options);
  await vi.runAllTimersAsync();
  return ended;
};

const MONTHS = ['2026-03-01T00:00:00Z', '2025-01-01T00:00:00Z', '2024-01-01T00:00:00Z'];

describe('syncAll', () => {
  test('calls until everything is stored, tells of each answer, and sums the counts', async () => {
    const progress: [number, string | null][] = [];
    const ended = await run(
      [
        { added: 90, history_complete_from: MONTHS[0] ?? null },
        { added: 300, history_complete_from: MONTHS[1] ?? null },
        { added: 5, complete: true },
      ],
      { onProgress: ({ added, history_complete_from: from }) => progress.push([added, from]) },
    );
    expect(ended).toMatchObject({ ok: true, status: 200, value: { added: 395, complete: true } });
    expect(progress).toEqual([
      [90, MONTHS[0]],
      [390, MONTHS[1]],
      [395, null],
    ]);
    expect(pauses).toEqual([0, 0]);
  });

  test('ends when nothing new comes, though the broker says that there is more', async () => {
    const ended = await run([
      { added: 90, history_complete_from: MONTHS[0] ?? null },
      { history_complete_from: MONTHS[0] ?? null },
    ]);
    expect(ended).toMatchObject({ ok: true, status: 202, value: { added: 90, complete: false } });
    expect(requests).toHaveLength(4);
    expect(pauses).toEqual([0, 2, 4]);
  });

  test('goes on while the past gets nearer, even if a slice of it was empty', async () => {
    const ended = await run([...MONTHS.map((from) => ({ history_complete_from: from })), { complete: true }]);
    expect(ended).toMatchObject({ ok: true, value: { complete: true } });
  });

  test('waits as long as the broker asks, and no shorter', async () => {
    const ended = await run([
      { status: 429, retryAfter: 3 },
      { status: 503, retryAfter: 10 },
      { added: 1, complete: true },
    ]);
    expect(ended).toMatchObject({ ok: true, value: { added: 1 } });
    expect(pauses).toEqual([3, 10]);
  });

  test.each([
    ['asks to come back in hours', [{ status: 503, retryAfter: 3_600 }], 1],
    ['says nothing about when', [{ status: 409, retryAfter: undefined }], 1],
    ['fails each time', [{ status: 503, retryAfter: 10 }], 3],
  ])('returns the failure of a broker that %s', async (_, answers, calls) => {
    expect(await run(answers)).toMatchObject({ ok: false, failure: { kind: 'problem', code: 'withings_unavailable' } });
    expect(requests).toHaveLength(calls);
  });

  test('stops when it is told to', async () => {
    const stop = new AbortController();
    const ended = await run([{ added: 90, history_complete_from: MONTHS[0] ?? null }], {
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    expect(ended).toMatchObject({ ok: true, value: { complete: false } });
    expect(requests).toHaveLength(1);
  });

  test('stops at once in a pause that the broker asked for, and calls no more', async () => {
    const stop = new AbortController();
    let ended: unknown;
    void syncAll(brokerOf([{ status: 503, retryAfter: 60 }]), 'app_1', 'ada', { signal: stop.signal }).then(
      (answer) => (ended = answer),
    );
    await vi.advanceTimersByTimeAsync(1_000);
    expect(ended).toBeUndefined();
    stop.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended).toMatchObject({ ok: false, failure: { retryAfterSeconds: 60 } });
    expect([vi.getTimerCount(), requests.length]).toEqual([0, 1]);
  });
});

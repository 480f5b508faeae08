import type { Answer } from './send.ts';

/** An answer that is one page of several. */
type Page = { next_cursor: string | null; has_more?: boolean };

/**
 * The pages of a list, one after the other, each as soon as it is asked for. The last one may be a failure: nothing is
 * thrown.
 *
 *     for await (const page of pages((cursor) => listMetrics(broker, appId, 'ada', { metric: 'weight', cursor }))) {
 *       if (!page.ok) return page.failure;
 *       for (const { value, measured_at } of page.value.data) show(value, measured_at);
 *     }
 *
 * @param list asks for the page at a cursor; without one for the first
 */
export async function* pages<Value extends Page>(
  list: (cursor: string | undefined) => Promise<Answer<Value>>,
): AsyncGenerator<Answer<Value>, void, undefined> {
  let cursor: string | undefined;
  for (;;) {
    const page = await list(cursor);
    yield page;
    if (!page.ok) return;
    const { next_cursor: next, has_more: hasMore } = page.value;
    if (next === null || hasMore === false || next === cursor) return;
    cursor = next;
  }
}

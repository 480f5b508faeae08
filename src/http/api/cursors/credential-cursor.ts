import * as z from 'zod';

import { cursorOf } from './cursor.ts';

/** Where a list of API keys or access tokens goes on: valid ones come first, each part newest first. */

/** `<0 or 1>.<time>.<id>` of the last one on a page: whether it is over, when it was made, and which it is. */
export const credentialCursor = cursorOf(
  (text) => {
    const [, over, at, id] = /^([01])\.(\d{1,15})\.((?:key|token)_[0-9a-f]{20})$/.exec(text) ?? [];
    return at === undefined || id === undefined ? undefined : { isOver: over === '1', createdAt: Number(at), id };
  },
  ({ isOver, createdAt, id }) => `${Number(isOver)}.${createdAt}.${id}`,
);

export const credentialPageQuery = z.strictObject({
  cursor: credentialCursor.optional().describe('The `next_cursor` of the page before. Without it, the first page.'),
});

import { base64url } from 'jose';
import * as z from 'zod';

import { packedCursorOf } from '../cursors/cursor.ts';

/**
 * A cursor says where a page ended (time, group, rank) and to which query it belongs. It is not secret and grants
 * nothing. A cursor of another query is refused, because it would silently skip or repeat values.
 */
export const metricCursor = packedCursorOf(z.tuple([z.string(), z.int(), z.int(), z.int()]));

/** Enough of a digest that no two queries of one app collide. */
const HASH_BYTES = 12;

/** A short text that identifies a query. */
export const questionHash = async (question: readonly (string | undefined)[]): Promise<string> => {
  const text = JSON.stringify(question.map((part) => part ?? null));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(digest, 0, HASH_BYTES));
};

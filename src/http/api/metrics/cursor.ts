import { base64url } from 'jose';
import * as z from 'zod';

import { packedCursorOf } from '../cursor.ts';

/**
 * A cursor says where a page ended (moment, group, rank) and of which question it is a page. It is no secret and grants nothing: a cursor of
 * another question is refused because it would silently skip or repeat.
 */
export const metricCursor = packedCursorOf(z.tuple([z.string(), z.int(), z.int(), z.int()]));

/** Enough of a digest that no two questions of one app are taken for the same. */
const HASH_BYTES = 12;

/** A short text that stands for a question, whatever its length. */
export const questionHash = async (question: readonly (string | undefined)[]): Promise<string> => {
  const text = JSON.stringify(question.map((part) => part ?? null));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(digest, 0, HASH_BYTES));
};

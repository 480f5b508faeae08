import { base64url } from 'jose';
import * as z from 'zod';

import type { MetricPlace } from '../../../domain/metrics/metric-query.ts';

/**
 * A cursor says where a page ended and of which question it is a page. It is no secret and grants nothing: a cursor of another question is
 * refused because it would silently skip or repeat.
 */
const cursorSchema = z.tuple([z.string(), z.int(), z.int(), z.int()]);

/** Enough of a digest that no two questions of one app are taken for the same. */
const HASH_BYTES = 12;

/** A short text that stands for a question, whatever its length. */
export const questionHash = async (question: readonly (string | undefined)[]): Promise<string> => {
  const text = JSON.stringify(question.map((part) => part ?? null));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(digest, 0, HASH_BYTES));
};

export const writeCursor = ({ measuredAtSeconds, groupId, rank }: MetricPlace, question: string): string =>
  base64url.encode(JSON.stringify([question, measuredAtSeconds, groupId, rank]));

/** Reads a cursor of `question`; undefined for anything else. */
export const readCursor = (cursor: string, question: string): MetricPlace | undefined => {
  try {
    const text = new TextDecoder().decode(base64url.decode(cursor));
    const [of, measuredAtSeconds, groupId, rank] = cursorSchema.parse(JSON.parse(text));
    return of === question ? { measuredAtSeconds, groupId, rank } : undefined;
  } catch {
    return undefined;
  }
};

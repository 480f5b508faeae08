import { base64url } from 'jose';
import * as z from 'zod';

import type { MetricPlace } from '../../domain/metric-query.ts';

/**
 * A cursor says where a page ended and of which question it is a page. It is no secret and grants nothing: a cursor of another question is
 * refused because it would silently skip or repeat.
 */
const cursorSchema = z.tuple([z.string(), z.int(), z.int(), z.string()]);

export const writeCursor = (place: MetricPlace, question: string): string =>
  base64url.encode(JSON.stringify([question, place.measuredAtSeconds, place.groupId, place.metric]));

/** Reads a cursor of `question`; undefined for anything else. */
export const readCursor = (cursor: string, question: string): MetricPlace | undefined => {
  try {
    const text = new TextDecoder().decode(base64url.decode(cursor));
    const [of, measuredAtSeconds, groupId, metric] = cursorSchema.parse(JSON.parse(text));
    return of === question ? { measuredAtSeconds, groupId, metric } : undefined;
  } catch {
    return undefined;
  }
};

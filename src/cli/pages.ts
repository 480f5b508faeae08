import type * as z from 'zod';

import { call, type Connection } from './client.ts';

/** Everything of a list, page by page; at most `most` rows. */
export const allPages = async <Row>(
  broker: Connection,
  path: string,
  page: z.ZodType<{ data: Row[]; next_cursor: string | null }>,
  { query = {}, most = Infinity }: { query?: Record<string, string | undefined>; most?: number } = {},
): Promise<Row[]> => {
  const rows: Row[] = [];
  for (let cursor: string | undefined; ;) {
    const { value } = await call(broker, { path, query: { ...query, cursor }, answer: page });
    rows.push(...value.data);
    if (value.next_cursor === null || rows.length >= most) return rows.slice(0, most);
    cursor = value.next_cursor;
  }
};

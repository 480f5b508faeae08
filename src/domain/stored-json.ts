import type * as z from 'zod';

/**
 * Parses JSON that the broker stored. Another version of the Worker may have written it: two versions run during a
 * deployment, and a database outlives a release. Schemas are loose, so that fields of a newer version are kept.
 *
 * @returns undefined if the text is absent or does not fit; the caller says what that means
 */
export const parseStored = <Value>(schema: z.ZodType<Value>, text: string | null | undefined): Value | undefined => {
  if (text === null || text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};

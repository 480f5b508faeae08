import * as z from 'zod';

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

const list = z.array(z.unknown());

/**
 * Parses a stored list, without the items that do not fit: a newer version may have written items of another kind.
 *
 * @returns undefined if the text is absent or no list
 */
export const parseStoredList = <Value>(
  schema: z.ZodType<Value>,
  text: string | null | undefined,
): Value[] | undefined =>
  parseStored(list, text)?.flatMap((item) => {
    const parsed = schema.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });

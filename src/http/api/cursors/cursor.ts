import { base64url } from 'jose';
import * as z from 'zod';

/**
 * Where a page goes on, as the client carries it, for the schema of a query.
 *
 * @param read what a text stands for; undefined for a text that is no such cursor
 */
export const cursorOf = <Place>(read: (text: string) => Place | undefined, write: (place: Place) => string) =>
  z.codec(z.string().max(1_000), z.custom<Place>(), {
    decode: (text, context) => {
      const place = read(text);
      if (place !== undefined) return place;
      context.issues.push({ code: 'custom', message: 'It is no cursor of this list. Start without one.', input: text });
      return z.NEVER;
    },
    encode: write,
  });

/** A cursor of several parts: their JSON, as base64url. */
export const packedCursorOf = <Parts extends z.ZodType>(parts: Parts) =>
  cursorOf<z.output<Parts>>(
    (text) => {
      try {
        return parts.safeParse(JSON.parse(new TextDecoder().decode(base64url.decode(text)))).data;
      } catch {
        return undefined;
      }
    },
    (place) => base64url.encode(JSON.stringify(place)),
  );

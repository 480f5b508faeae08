import * as z from 'zod';

import { MAX_REDIRECT_URI_LENGTH } from '../../domain/redirect-uri/syntax.ts';
import { parseUserId, USER_ID_RULE, type UserId } from '../../domain/user-id.ts';

/**
 * The HTTP contract: the schemas that every resource shares. Each resource's `contract.ts` has its own. They import zod
 * and rules of the domain alone, so that the server, the CLI and the OpenAPI document use the same ones. Every field is
 * described where it stands: the document is refused otherwise.
 */

/** RFC 9457, with a stable `code` and the request's id. */
export const problem = z
  .object({
    type: z.string().describe('`urn:mushu:problem:` and the code.'),
    title: z.string().describe('The error in a few words, the same for every request.'),
    status: z.int().describe('The HTTP status of the answer.'),
    detail: z.string().describe('What is wrong with this request and what to do about it, in English.'),
    code: z.string().describe('The stable word to decide by. Codes are added, never renamed.'),
    request_id: z.string().describe("The request's id, also in `X-Request-Id` and in the broker's log."),
  })
  .describe('An error (RFC 9457).');

export type Problem = z.infer<typeof problem>;

export const instant = z.iso
  .datetime({ offset: true })
  .meta({ description: 'An instant as RFC 3339.', examples: ['2026-06-15T12:00:00.000Z'] });

const MAX_NAME = 100;
export const name = z.string().trim().min(1).max(MAX_NAME).describe(`A name for people, 1 to ${MAX_NAME} characters.`);
export const redirectUriText = z
  .string()
  .max(2048)
  .meta({
    description: `A redirect URI. A registered one has at most ${MAX_REDIRECT_URI_LENGTH} characters.`,
    examples: ['womoji://withings/success'],
  });

/** An app's own name for one of its users, as `parseUserId` takes it. */
export const userId = z
  .codec(z.string().max(1_024), z.custom<UserId>(), {
    decode: (text, context) => {
      const parsed = parseUserId(text);
      if (parsed.ok) return parsed.value;
      context.issues.push({ code: 'custom', message: parsed.failure.detail, input: text });
      return z.NEVER;
    },
    encode: (id) => id,
  })
  .describe(`The app's own id for the user: ${USER_ID_RULE}.`);

export const nextCursor = z
  .string()
  .nullable()
  .describe('Send it as `cursor`, with the same other parameters, to get the next page. Null on the last page.');

/** The query of a list whose cursor is the id after which the page begins. */
export const pageQuery = z.strictObject({
  cursor: z.string().max(500).optional().describe('The `next_cursor` of the page before. Without it, the first page.'),
});

export const historyCompleteFrom = instant
  .nullable()
  .describe(
    'While the past is still being read, newest first: everything measured since then is stored. Null if nothing older is left to read, and before the first sync.',
  );

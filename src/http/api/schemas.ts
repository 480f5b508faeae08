import * as z from 'zod';

import { parseUserId, type UserId } from '../../domain/user-id.ts';

/**
 * The HTTP contract: the schemas that every resource shares. Each resource's `contract.ts` has its own. They import zod and rules of the
 * domain alone, so that the server, the CLI and the OpenAPI document use the same ones.
 */

/** RFC 9457, with a stable `code` and the request's id. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  request_id: z.string(),
});

export type Problem = z.infer<typeof problem>;

/** RFC 3339. */
export const instant = z.iso.datetime({ offset: true });

export const name = z.string().trim().min(1).max(100);
export const redirectUriText = z.string().max(2048);

/** An app's own name for one of its users, as `parseUserId` takes it. */
export const userId = z.codec(z.string(), z.custom<UserId>(), {
  decode: (text, context) => {
    const parsed = parseUserId(text);
    if (parsed.ok) return parsed.value;
    context.issues.push({ code: 'custom', message: parsed.failure.detail, input: text });
    return z.NEVER;
  },
  encode: (id) => id,
});

/** Where a page goes on. */
export const pageQuery = z.object({ cursor: z.string().max(500).optional() });

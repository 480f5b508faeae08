import * as z from 'zod';

/**
 * The HTTP contract: the schemas that every resource shares. Each resource's `contract.ts` has its own. Nothing but zod is imported by
 * them, so that the server, the CLI and the OpenAPI document use the same ones.
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
export const userIdText = z.string().max(1024);

/** Where a page goes on. */
export const pageQuery = z.object({ cursor: z.string().max(500).optional() });

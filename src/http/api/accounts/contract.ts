import * as z from 'zod';

import { instant, name } from '../schemas.ts';

/** The HTTP contract: developer accounts, and the access tokens that manage what they own. */

export const account = z.object({ id: z.string(), name: z.string(), disabled: z.boolean(), created_at: instant });
export const accountList = z.object({ data: z.array(account), next_cursor: z.string().nullable() });
export const createAccountRequest = z.strictObject({ name });
export const updateAccountRequest = z.strictObject({ name: name.optional(), disabled: z.boolean().optional() });

export const accessToken = z.object({
  id: z.string(),
  name: z.string(),
  /** The token's last characters. */
  hint: z.string(),
  created_at: instant,
  expires_at: instant.nullable(),
  last_used_at: instant.nullable(),
  revoked_at: instant.nullable(),
});
export const accessTokenList = z.object({ data: z.array(accessToken) });
export const createTokenRequest = z.strictObject({
  name,
  expires_in_days: z.int().min(1).max(366).default(90),
});
/** The only answer that holds an access token. */
export const createdToken = accessToken.extend({ token: z.string() });

/** Who the access token speaks for. */
export const whoami = z.object({
  role: z.enum(['operator', 'developer']),
  account: z.object({ id: z.string(), name: z.string() }).nullable(),
  token: z.object({ id: z.string(), name: z.string(), expires_at: instant.nullable() }).nullable(),
});

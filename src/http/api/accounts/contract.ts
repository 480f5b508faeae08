import * as z from 'zod';

import { MAX_VALID_CREDENTIALS } from '../../../domain/credential-list.ts';
import { instant, name, nextCursor } from '../schemas.ts';

/** The HTTP contract: developer accounts, and the access tokens that manage what they own. */

const accountName = z.string().describe('The name for people.');
const disabled = z
  .boolean()
  .describe('Whether access tokens of the account are refused. Its apps keep serving their users.');

export const account = z.object({
  id: z.string().describe("The account's id, `acct_` and 20 hexadecimal digits."),
  name: accountName,
  disabled,
  created_at: instant.describe('When the account was made.'),
});
export const accountList = z.object({
  data: z.array(account).describe('The accounts, in the order of their ids.'),
  next_cursor: nextCursor,
});
export const createAccountRequest = z.strictObject({ name });
export const updateAccountRequest = z.strictObject({ name: name.optional(), disabled: disabled.optional() });

const tokenId = z.string().describe("The token's id, `token_` and 20 hexadecimal digits. It is no secret.");

export const accessToken = z.object({
  id: tokenId,
  name: z.string().describe('The name for people.'),
  hint: z.string().describe("The token's last characters."),
  created_at: instant.describe('When the token was made.'),
  expires_at: instant.nullable().describe('When the token is refused from. Null if it never expires.'),
  last_used_at: instant.nullable().describe('When the token was last used, to the hour. Null if it never was.'),
  revoked_at: instant.nullable().describe('When the token was revoked. Null if it was not.'),
});
export const accessTokenList = z.object({
  data: z
    .array(accessToken)
    .describe(
      `The account's tokens, newest first: the valid ones, at most ${MAX_VALID_CREDENTIALS}, then those that expired or were revoked.`,
    ),
  next_cursor: nextCursor,
});
export const createTokenRequest = z.strictObject({
  name,
  expires_in_days: z.int().min(1).max(366).default(90).describe('How many days the token is good for.'),
});
/** The only answer that holds an access token. */
export const createdToken = accessToken.extend({
  token: z.string().describe('The token itself. No other answer holds it: keep it now.'),
});

export const whoami = z.object({
  role: z.enum(['operator', 'developer']).describe('Whom the access token speaks for.'),
  account: z
    .object({ id: z.string().describe("The account's id."), name: accountName })
    .nullable()
    .describe("The developer's account. Null for the operator."),
  token: z
    .object({
      id: tokenId,
      name: z.string().describe('The name for people.'),
      expires_at: instant.nullable().describe('When the token is refused from. Null if it never expires.'),
    })
    .nullable()
    .describe("The developer's token that was sent. Null for the operator's."),
});

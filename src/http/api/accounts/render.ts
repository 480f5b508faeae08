import type * as z from 'zod';

import type { AccessToken, Account, Principal } from '../../../domain/account.ts';
import { instant, instantOrNull } from '../instant.ts';
import type * as contract from './contract.ts';

/** Accounts and tokens as JSON. */

export const renderAccount = (account: Account): z.infer<typeof contract.account> => ({
  id: account.id,
  name: account.name,
  disabled: account.disabledAt !== undefined,
  created_at: instant(account.createdAt),
});

export const renderAccessToken = (token: AccessToken): z.infer<typeof contract.accessToken> => ({
  id: token.id,
  name: token.name,
  hint: token.hint,
  created_at: instant(token.createdAt),
  expires_at: instantOrNull(token.expiresAt),
  last_used_at: instantOrNull(token.lastUsedAt),
  revoked_at: instantOrNull(token.revokedAt),
});

export const renderManager = ({ account, token }: Principal): z.infer<typeof contract.whoami> => ({
  role: account === undefined ? 'operator' : 'developer',
  account: account ?? null,
  token: token === undefined ? null : { id: token.id, name: token.name, expires_at: instantOrNull(token.expiresAt) },
});

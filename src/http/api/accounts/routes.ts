import { Hono } from 'hono';

import {
  createAccessToken,
  createAccount,
  listAccessTokens,
  listAccounts,
  ownAccount,
  revokeToken,
  showAccount,
  updateAccount,
} from '../../../broker/apps/manage-accounts.ts';
import type { Principal } from '../../../domain/account.ts';
import type { CredentialPlace } from '../../../domain/credential-list.ts';
import type { HttpContext, HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { forManager, forOperator } from '../admission/admit-manager.ts';
import { credentialCursor, credentialPageQuery } from '../cursors/credential-cursor.ts';
import { pageQuery } from '../schemas.ts';
import { valid } from '../validate.ts';
import { createAccountRequest, createTokenRequest, updateAccountRequest } from './contract.ts';
import { renderAccessToken, renderAccount, renderManager } from './render.ts';

/** Developer accounts, which only the operator creates, and access tokens, which also their account manages. */
export const accountsApi = new Hono<HttpEnv>();

/** Who the token speaks for. */
accountsApi.get('/whoami', forManager, (c) => c.json(renderManager(c.get('manager'))));

accountsApi.post('/accounts', forOperator, valid('json', createAccountRequest), async (c) => {
  const created = await createAccount(c.get('deps'), c.get('manager'), c.req.valid('json'));
  return created.ok ? c.json(renderAccount(created.value), 201) : answerFailure(c, created.failure);
});

accountsApi.get('/accounts', forOperator, valid('query', pageQuery), async (c) => {
  const listed = await listAccounts(c.get('deps'), c.req.valid('query').cursor ?? '');
  if (!listed.ok) return answerFailure(c, listed.failure);
  const { accounts, nextAfterId } = listed.value;
  return c.json({ data: accounts.map(renderAccount), next_cursor: nextAfterId ?? null });
});

accountsApi.get('/accounts/:account_id', forOperator, async (c) => {
  const account = await showAccount(c.get('deps'), c.req.param('account_id'));
  return account.ok ? c.json(renderAccount(account.value)) : answerFailure(c, account.failure);
});

accountsApi.patch('/accounts/:account_id', forOperator, valid('json', updateAccountRequest), async (c) => {
  const changed = await updateAccount(c.get('deps'), c.get('manager'), c.req.param('account_id'), c.req.valid('json'));
  return changed.ok ? c.json(renderAccount(changed.value)) : answerFailure(c, changed.failure);
});

accountsApi.get('/accounts/:account_id/tokens', forOperator, valid('query', credentialPageQuery), (c) =>
  answerTokens(c, c.req.param('account_id'), c.req.valid('query').cursor),
);

accountsApi.post('/accounts/:account_id/tokens', forOperator, valid('json', createTokenRequest), (c) =>
  answerNewToken(c, c.get('manager'), c.req.param('account_id'), c.req.valid('json')),
);

accountsApi.delete('/accounts/:account_id/tokens/:token_id', forOperator, (c) =>
  answerRevoked(c, c.get('manager'), c.req.param('account_id'), c.req.param('token_id')),
);

accountsApi.get('/tokens', forManager, valid('query', credentialPageQuery), (c) => {
  const own = ownAccount(c.get('manager'));
  return own.ok ? answerTokens(c, own.value, c.req.valid('query').cursor) : answerFailure(c, own.failure);
});

accountsApi.post('/tokens', forManager, valid('json', createTokenRequest), (c) => {
  const own = ownAccount(c.get('manager'));
  return own.ok ? answerNewToken(c, c.get('manager'), own.value, c.req.valid('json')) : answerFailure(c, own.failure);
});

accountsApi.delete('/tokens/:token_id', forManager, (c) => {
  const own = ownAccount(c.get('manager'));
  return own.ok
    ? answerRevoked(c, c.get('manager'), own.value, c.req.param('token_id'))
    : answerFailure(c, own.failure);
});

const answerTokens = async (c: HttpContext, accountId: string, after: CredentialPlace | undefined) => {
  const tokens = await listAccessTokens(c.get('deps'), accountId, after);
  if (!tokens.ok) return answerFailure(c, tokens.failure);
  const { credentials, next } = tokens.value;
  return c.json({ data: credentials.map(renderAccessToken), next_cursor: next ? credentialCursor.encode(next) : null });
};

const answerNewToken = async (
  c: HttpContext,
  by: Principal,
  accountId: string,
  wanted: { name: string; expires_in_days: number },
) => {
  const { name, expires_in_days: lifetimeDays } = wanted;
  const created = await createAccessToken(c.get('deps'), by, accountId, { name, lifetimeDays });
  if (!created.ok) return answerFailure(c, created.failure);
  const { details, token } = created.value;
  return c.json({ ...renderAccessToken(details), token: token.reveal() }, 201);
};

const answerRevoked = async (c: HttpContext, by: Principal, accountId: string, tokenId: string) => {
  const revoked = await revokeToken(c.get('deps'), by, accountId, tokenId);
  return revoked.ok ? c.body(null, 204) : answerFailure(c, revoked.failure);
};

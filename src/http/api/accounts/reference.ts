import { credentialPageQuery } from '../cursors/credential-cursor.ts';
import { ACCESS_TOKEN, body, empty, json, tagged, type Untagged } from '../reference/operation.ts';
import { pageQuery } from '../schemas.ts';
import * as contract from './contract.ts';

const ACCOUNT = {
  id: 'acct_0123456789abcdef0123',
  name: 'Ada Lovelace',
  disabled: false,
  created_at: '2026-06-01T08:00:00.000Z',
};
const TOKEN = {
  id: 'token_0123456789abcdef0123',
  name: 'laptop',
  hint: 'a1b2',
  created_at: '2026-06-01T08:00:00.000Z',
  expires_at: '2026-08-30T08:00:00.000Z',
  last_used_at: null,
  revoked_at: null,
};
const CREATED = json(201, 'The token: the only time it is seen.', contract.createdToken, {
  ...TOKEN,
  token: 'mushu_access_…',
});
const LISTED = json(200, 'A page of tokens, the valid ones first.', contract.accessTokenList, {
  data: [TOKEN],
  next_cursor: null,
});
const REVOKED = empty(204, 'From the next request on, the token is refused.');
const NEW_TOKEN = body(contract.createTokenRequest, { name: 'laptop', expires_in_days: 90 });

/** Developer accounts, and their access tokens. */
export const ACCOUNT_OPERATIONS = tagged('Accounts', ACCESS_TOKEN, [
  {
    id: 'whoami',
    method: 'get',
    path: '/whoami',
    summary: 'Who the access token speaks for',
    answers: [
      json(200, 'The operator, or a developer.', contract.whoami, {
        role: 'developer',
        account: { id: ACCOUNT.id, name: ACCOUNT.name },
        token: { id: TOKEN.id, name: TOKEN.name, expires_at: TOKEN.expires_at },
      }),
    ],
  },
  {
    id: 'listTokens',
    method: 'get',
    path: '/tokens',
    summary: "Your account's access tokens, without the tokens themselves",
    query: credentialPageQuery,
    answers: [LISTED],
    problems: ['account_needed'],
  },
  {
    id: 'createToken',
    method: 'post',
    path: '/tokens',
    summary: 'Make an access token for your account',
    body: NEW_TOKEN,
    answers: [CREATED],
    problems: ['account_needed', 'too_many_access_tokens'],
  },
  {
    id: 'revokeToken',
    method: 'delete',
    path: '/tokens/{token_id}',
    summary: "Revoke one of your account's access tokens",
    answers: [REVOKED],
    problems: ['account_needed', 'not_found'],
  },
  ...operatorOnly([
    {
      id: 'createAccount',
      method: 'post',
      path: '/accounts',
      summary: 'Make a developer account',
      body: body(contract.createAccountRequest, { name: ACCOUNT.name }),
      answers: [json(201, 'The account.', contract.account, ACCOUNT)],
    },
    {
      id: 'listAccounts',
      method: 'get',
      path: '/accounts',
      summary: 'The developer accounts, in the order of their ids',
      query: pageQuery,
      answers: [json(200, 'A page of accounts.', contract.accountList, { data: [ACCOUNT], next_cursor: null })],
    },
    {
      id: 'getAccount',
      method: 'get',
      path: '/accounts/{account_id}',
      summary: 'One account',
      answers: [json(200, 'The account.', contract.account, ACCOUNT)],
    },
    {
      id: 'updateAccount',
      method: 'patch',
      path: '/accounts/{account_id}',
      summary: 'Rename or disable an account',
      description:
        "A disabled account's tokens are refused from the next request on. Its apps keep serving their users.",
      body: body(contract.updateAccountRequest, { disabled: true }),
      answers: [json(200, 'The account as it is now.', contract.account, { ...ACCOUNT, disabled: true })],
    },
    {
      id: 'listAccountTokens',
      method: 'get',
      path: '/accounts/{account_id}/tokens',
      summary: "An account's access tokens, without the tokens themselves",
      query: credentialPageQuery,
      answers: [LISTED],
    },
    {
      id: 'createAccountToken',
      method: 'post',
      path: '/accounts/{account_id}/tokens',
      summary: 'Make an access token for an account',
      body: NEW_TOKEN,
      answers: [CREATED],
      problems: ['too_many_access_tokens'],
    },
    {
      id: 'revokeAccountToken',
      method: 'delete',
      path: '/accounts/{account_id}/tokens/{token_id}',
      summary: "Revoke one of an account's access tokens",
      answers: [REVOKED],
    },
  ]),
]);

function operatorOnly(operations: readonly Untagged[]): Untagged[] {
  return operations.map((operation) => ({
    ...operation,
    problems: [
      ...(operation.problems ?? []),
      'operator_only',
      ...(operation.path.includes('{') ? (['not_found'] as const) : []),
    ],
  }));
}

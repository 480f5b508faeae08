import type { Read, Written } from './contract.ts';
import { type Answer, type Broker, pathOf, send } from './send.ts';

/** Developer accounts, which the operator creates, and their access tokens. */

const accountPath = (accountId: string, ...rest: readonly string[]): string => pathOf('accounts', accountId, ...rest);

/** The principal of the access token. */
export const whoami = (broker: Broker): Promise<Answer<Read<'whoami'>>> => send(broker, 'GET', '/whoami');

/** Your access tokens, without the tokens themselves: valid ones first. */
export const listTokens = (broker: Broker, cursor?: string): Promise<Answer<Read<'accessTokenList'>>> =>
  send(broker, 'GET', '/tokens', { query: { cursor } });

/** Creates an access token. Only this answer contains it. */
export const createToken = (
  broker: Broker,
  body: Written<'createTokenRequest'>,
): Promise<Answer<Read<'createdToken'>>> => send(broker, 'POST', '/tokens', { body });

/** Revokes one of your access tokens. */
export const revokeToken = (broker: Broker, tokenId: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', pathOf('tokens', tokenId));

export const createAccount = (
  broker: Broker,
  body: Written<'createAccountRequest'>,
): Promise<Answer<Read<'account'>>> => send(broker, 'POST', '/accounts', { body });

export const listAccounts = (broker: Broker, cursor?: string): Promise<Answer<Read<'accountList'>>> =>
  send(broker, 'GET', '/accounts', { query: { cursor } });

export const getAccount = (broker: Broker, accountId: string): Promise<Answer<Read<'account'>>> =>
  send(broker, 'GET', accountPath(accountId));

/** Renames an account, or disables it together with all its tokens. */
export const updateAccount = (
  broker: Broker,
  accountId: string,
  body: Written<'updateAccountRequest'>,
): Promise<Answer<Read<'account'>>> => send(broker, 'PATCH', accountPath(accountId), { body });

/** An account's access tokens. */
export const listAccountTokens = (
  broker: Broker,
  accountId: string,
  cursor?: string,
): Promise<Answer<Read<'accessTokenList'>>> =>
  send(broker, 'GET', accountPath(accountId, 'tokens'), { query: { cursor } });

/** Creates an access token for an account. Only this answer contains it. */
export const createAccountToken = (
  broker: Broker,
  accountId: string,
  body: Written<'createTokenRequest'>,
): Promise<Answer<Read<'createdToken'>>> => send(broker, 'POST', accountPath(accountId, 'tokens'), { body });

export const revokeAccountToken = (broker: Broker, accountId: string, tokenId: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', accountPath(accountId, 'tokens', tokenId));

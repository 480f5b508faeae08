import type { Read, Written } from './contract.ts';
import { type Answer, type Broker, pathOf, send } from './send.ts';

/** Developer accounts, which the operator makes, and the access tokens that manage what they own. */

const accountPath = (accountId: string, ...rest: readonly string[]): string => pathOf('accounts', accountId, ...rest);

/** Who the access token speaks for. */
export const whoami = (broker: Broker): Promise<Answer<Read<'whoami'>>> => send(broker, 'GET', '/whoami');

/** One's own access tokens, without the tokens themselves. */
export const listTokens = (broker: Broker): Promise<Answer<Read<'accessTokenList'>>> => send(broker, 'GET', '/tokens');

/** Makes an access token: the only time it is seen. */
export const createToken = (
  broker: Broker,
  body: Written<'createTokenRequest'>,
): Promise<Answer<Read<'createdToken'>>> => send(broker, 'POST', '/tokens', { body });

/** Revokes one of one's own access tokens. */
export const revokeToken = (broker: Broker, tokenId: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', pathOf('tokens', tokenId));

/** Makes a developer account. */
export const createAccount = (
  broker: Broker,
  body: Written<'createAccountRequest'>,
): Promise<Answer<Read<'account'>>> => send(broker, 'POST', '/accounts', { body });

/** A page of accounts. */
export const listAccounts = (broker: Broker, cursor?: string): Promise<Answer<Read<'accountList'>>> =>
  send(broker, 'GET', '/accounts', { query: { cursor } });

/** One account. */
export const getAccount = (broker: Broker, accountId: string): Promise<Answer<Read<'account'>>> =>
  send(broker, 'GET', accountPath(accountId));

/** Renames an account, or disables it with all its tokens. */
export const updateAccount = (
  broker: Broker,
  accountId: string,
  body: Written<'updateAccountRequest'>,
): Promise<Answer<Read<'account'>>> => send(broker, 'PATCH', accountPath(accountId), { body });

/** An account's access tokens. */
export const listAccountTokens = (broker: Broker, accountId: string): Promise<Answer<Read<'accessTokenList'>>> =>
  send(broker, 'GET', accountPath(accountId, 'tokens'));

/** Makes an access token for an account. */
export const createAccountToken = (
  broker: Broker,
  accountId: string,
  body: Written<'createTokenRequest'>,
): Promise<Answer<Read<'createdToken'>>> => send(broker, 'POST', accountPath(accountId, 'tokens'), { body });

/** Revokes an account's access token. */
export const revokeAccountToken = (broker: Broker, accountId: string, tokenId: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', accountPath(accountId, 'tokens', tokenId));

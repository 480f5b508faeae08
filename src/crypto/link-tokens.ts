import * as z from 'zod';

import { ok, type Result } from '../domain/result.ts';
import type { Keyring } from './keyring.ts';
import { open, type OpenFailure, seal } from './seal.ts';
import type { SignedTokenKind } from './signed-token.ts';

/** What a token was minted with, which it ends with: see `Minter`. Releases before 0.2 named nothing. */
const minterClaims = {
  key: z.string().optional(),
  acc: z.string().optional(),
  tok: z.string().optional(),
};

/**
 * The tokens of the connect flow. The state goes through Withings and the user's browser; it names the app and where the answer goes, so
 * that a good one can always be answered to the app and a forged one costs nothing.
 */
const stateClaims = z.object({
  app: z.string(),
  /** The id of the registered redirect URI. */
  uri: z.string(),
  /** The loopback port that the app listens on, where the registration leaves it open. */
  port: z.string().optional(),
  /** The connect session behind the link: its id and when it ends. */
  ses: z.object({ id: z.string(), exp: z.number(), ...minterClaims }).optional(),
  /** The sealed link record, where KV did not take it. */
  rec: z.string().optional(),
});
export type StateClaims = z.infer<typeof stateClaims>;

export const STATE: SignedTokenKind<StateClaims> = {
  purpose: 'sign-state',
  typ: 'mushu-state+jwt',
  audience: 'mushu:withings-callback',
  claims: stateClaims,
};

const connectSessionClaims = z.object({ app: z.string(), sub: z.string(), uri: z.string(), ...minterClaims });
export type ConnectSessionClaims = z.infer<typeof connectSessionClaims>;

/** A connect session: the right to link one user of one app once, minted by the app's backend. */
export const CONNECT_SESSION: SignedTokenKind<ConnectSessionClaims> = {
  purpose: 'sign-connect-session',
  typ: 'mushu-connect-session+jwt',
  audience: 'mushu:auth',
  claims: connectSessionClaims,
};

const userTokenClaims = z.object({
  app: z.string(),
  sub: z.string(),
  ...minterClaims,
  /** The user's last erasure as of when it was minted, if that was within its life. */
  epoch: z.string().optional(),
});
export type UserTokenClaims = z.infer<typeof userTokenClaims>;

/** A user token: what an app on a phone holds instead of an API key. Good for one user of one app. */
export const USER_TOKEN: SignedTokenKind<UserTokenClaims> = {
  purpose: 'sign-user-token',
  typ: 'mushu-user+jwt',
  audience: 'mushu:user',
  claims: userTokenClaims,
};

const linkRecordSchema = z.object({
  user: z.string(),
  kind: z.enum(['open', 'session']),
  /** SHA-256 of the binding cookie's value. */
  binding: z.string(),
});

/** What a state points at: kept out of the state because it says who the user is. */
export type LinkRecord = z.infer<typeof linkRecordSchema>;

/** Seals a link record to its state: authenticated and unreadable, wherever it is kept. */
export const sealLinkRecord = (ring: Keyring, stateId: string, record: LinkRecord): Promise<string> =>
  seal(ring, 'seal-link', [stateId], JSON.stringify(record));

/** Opens the record of a state. */
export const openLinkRecord = async (
  ring: Keyring,
  stateId: string,
  sealed: string,
): Promise<Result<LinkRecord, OpenFailure>> => {
  const opened = await open(ring, 'seal-link', [stateId], sealed);
  return opened.ok ? ok(linkRecordSchema.parse(JSON.parse(opened.value))) : opened;
};

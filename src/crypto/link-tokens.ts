import * as z from 'zod';

import { asAppId } from '../domain/app-id.ts';
import { ok, type Result } from '../domain/result.ts';
import { asUserId } from '../domain/user-id.ts';
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
 * The tokens of the connect flow. The `state` goes through Withings and the user's browser. It names the app and the
 * redirect URI, so every valid one can be answered to the app, and a forged one costs no I/O.
 */
const stateClaims = z.object({
  app: z.string().transform(asAppId),
  /** The id of the registered redirect URI. */
  uri: z.string(),
  /** The loopback port that the app listens on, if the registration allows any port. */
  port: z.string().optional(),
  /** The link's connect session: its id and its end. */
  ses: z.object({ id: z.string(), exp: z.number(), ...minterClaims }).optional(),
  /** Whether the link ends on a page of ours instead of a redirect. */
  page: z.boolean().optional(),
  /**
   * The app's own `state`, sealed. It travels here and not in the record, so that an ending without a record returns it
   * too.
   */
  st: z.string().optional(),
  /** The sealed link record, if the KV write failed. */
  rec: z.string().optional(),
});
export type StateClaims = z.infer<typeof stateClaims>;

export const STATE: SignedTokenKind<StateClaims> = {
  purpose: 'sign-state',
  typ: 'mushu-state+jwt',
  audience: 'mushu:withings-callback',
  claims: stateClaims,
};

const connectSessionClaims = z.object({
  app: z.string().transform(asAppId),
  sub: z.string().transform(asUserId),
  uri: z.string(),
  st: z.string().optional(),
  /** Whether the browser is signed out of Withings first. */
  sw: z.boolean().optional(),
  ...minterClaims,
});
export type ConnectSessionClaims = z.infer<typeof connectSessionClaims>;

/** A connect session: the right to link one user of one app once. The app's backend mints it. */
export const CONNECT_SESSION: SignedTokenKind<ConnectSessionClaims> = {
  purpose: 'sign-connect-session',
  typ: 'mushu-connect-session+jwt',
  audience: 'mushu:auth',
  claims: connectSessionClaims,
};

const userTokenClaims = z.object({
  app: z.string().transform(asAppId),
  sub: z.string().transform(asUserId),
  ...minterClaims,
  /** The user's last erasure as of when it was minted, if that was within its life. */
  epoch: z.string().optional(),
});
export type UserTokenClaims = z.infer<typeof userTokenClaims>;

/** A user token: what an app on a phone holds instead of an API key. It is valid for one user of one app. */
export const USER_TOKEN: SignedTokenKind<UserTokenClaims> = {
  purpose: 'sign-user-token',
  typ: 'mushu-user+jwt',
  audience: 'mushu:user',
  claims: userTokenClaims,
};

/** Encrypts an app's `state` and binds it to ours. */
export const sealAppState = (ring: Keyring, stateId: string, appState: string): Promise<string> =>
  seal(ring, 'seal-link', [stateId, 'app_state'], appState);

export const openAppState = (ring: Keyring, stateId: string, sealed: string): Promise<Result<string, OpenFailure>> =>
  open(ring, 'seal-link', [stateId, 'app_state'], sealed);

const linkRecordSchema = z.object({
  user: z.string().transform(asUserId),
  kind: z.enum(['open', 'session']),
  /** SHA-256 of the binding cookie's value. */
  binding: z.string(),
  /** Whether the browser was sent to Withings' demo account. */
  demo: z.boolean().optional(),
});

/** The record that a `state` points at. It is not in the `state` itself because it names the user. */
export type LinkRecord = z.infer<typeof linkRecordSchema>;

/** Encrypts a link record and binds it to its `state`. */
export const sealLinkRecord = (ring: Keyring, stateId: string, record: LinkRecord): Promise<string> =>
  seal(ring, 'seal-link', [stateId], JSON.stringify(record));

export const openLinkRecord = async (
  ring: Keyring,
  stateId: string,
  sealed: string,
): Promise<Result<LinkRecord, OpenFailure>> => {
  const opened = await open(ring, 'seal-link', [stateId], sealed);
  return opened.ok ? ok(linkRecordSchema.parse(JSON.parse(opened.value))) : opened;
};

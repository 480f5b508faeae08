import * as z from 'zod';

import { open, seal } from '../../crypto/seal.ts';
import type { StoredTokens } from '../../domain/connection.ts';
import { type Secret, secret } from '../../domain/secret.ts';
import { parseStored } from '../../domain/stored-json.ts';
import { type EpochMs, SECOND_MS } from '../../domain/time.ts';
import { deleteParked, parkedAt, type ParkingPlace, putParked } from '../../store/tokens/parked.ts';
import type { Deps } from '../deps.ts';
import type { RefreshRun } from './begin-refresh.ts';

/**
 * D1 may refuse writes for longer than the 8 hours for which Withings accepts the old refresh token. Then KV, which has
 * its own quotas, keeps the new pair. It is read only for connections with an earlier refresh in doubt.
 */

/** A pair, and when its access token expires. */
export type ParkedPair = { accessToken: Secret; refreshToken: Secret; accessExpiresAt: EpochMs };

/** The pauses before further attempts to write to KV. */
const PAUSES_MS = [200, SECOND_MS];

/** Writes a pair to KV. Returns whether KV has it. */
export const parkPair = async (deps: Deps, { tokens, lease }: RefreshRun, pair: ParkedPair): Promise<boolean> => {
  if (deps.now() >= lease.until) {
    // Another holder may have followed. Its pair is newer.
    const other = await parkedAt(deps.links, tokens);
    if (other.ok && other.value !== undefined) return true;
  }
  const text = JSON.stringify({
    accessToken: pair.accessToken.reveal(),
    refreshToken: pair.refreshToken.reveal(),
    accessExpiresAt: pair.accessExpiresAt,
  });
  const sealed = await seal(deps.keyring, 'seal-parked', placeOf(tokens), text);
  for (const pauseMs of [0, ...PAUSES_MS]) {
    if (pauseMs > 0) await deps.sleep(pauseMs);
    const put = await putParked(deps.links, tokens, sealed);
    if (put.ok) return true;
  }
  return false;
};

/** `unreadable`: KV does not answer. `key_missing`: the keyring lacks the key of the pair. */
export type Parked = { kind: 'none' | 'unreadable' | 'key_missing' } | { kind: 'found'; pair: ParkedPair };

/** Reads the pair that replaces these tokens. A pair that does not open for them, or has another form, is ignored. */
export const parkedPairOf = async (deps: Deps, tokens: StoredTokens): Promise<Parked> => {
  const sealed = await parkedAt(deps.links, tokens);
  if (!sealed.ok) return { kind: 'unreadable' };
  if (sealed.value === undefined) return { kind: 'none' };
  const opened = await open(deps.keyring, 'seal-parked', placeOf(tokens), sealed.value);
  if (!opened.ok && opened.failure.kind === 'key_missing') return { kind: 'key_missing' };
  const stored = opened.ok ? parseStored(pairText, opened.value) : undefined;
  if (stored === undefined) {
    deps.log({ level: 'error', event: 'alarm', outcome: 'parked_pair_unreadable', appId: tokens.appId });
    return { kind: 'none' };
  }
  const { accessToken, refreshToken, accessExpiresAt } = stored;
  return {
    kind: 'found',
    pair: { accessToken: secret(accessToken), refreshToken: secret(refreshToken), accessExpiresAt },
  };
};

/** Deletes a parked pair in the background. */
export const forgetParked = (deps: Deps, place: ParkingPlace): void => deps.waitUntil(deleteParked(deps.links, place));

const pairText = z.looseObject({ accessToken: z.string(), refreshToken: z.string(), accessExpiresAt: z.number() });

/** The account is part of the place, so a pair of another account does not open. */
const placeOf = ({ appId, connectionId, tokenVersion, withingsUserId }: StoredTokens): string[] => [
  appId,
  String(connectionId),
  String(tokenVersion),
  withingsUserId,
];

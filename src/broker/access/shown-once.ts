import * as z from 'zod';

import { hashCredential } from '../../crypto/credential.ts';
import { open, seal } from '../../crypto/seal.ts';
import { type Secret, secret } from '../../domain/secret.ts';
import { parseStored } from '../../domain/stored-json.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { Deps } from '../deps.ts';

/**
 * A new secret between the form that created it and the page that shows it. The browser carries it sealed, so that no
 * URL and no stored page contains it. It opens in one session, at one path, for a minute.
 */
export type ShownSecret = {
  kind: z.infer<typeof shownText>['kind'];
  secret: Secret;
};

const shownText = z.looseObject({
  kind: z.enum(['api_key', 'access_token', 'webhook_secret', 'test_link', 'switch_link']),
  secret: z.string(),
  until: z.number(),
});

/** The page that shows the secret: its path, and the cookie of the session. */
type Place = { session: string; path: string };

export const SHOWN_SECONDS = 60;

const placeOf = async ({ session, path }: Place): Promise<string[]> => [await hashCredential(session), path];

export const sealShown = async (
  deps: Pick<Deps, 'keyring' | 'now'>,
  place: Place,
  shown: ShownSecret,
): Promise<string> => {
  const until = deps.now() + SHOWN_SECONDS * SECOND_MS;
  const text = JSON.stringify({ kind: shown.kind, secret: shown.secret.reveal(), until });
  return seal(deps.keyring, 'seal-shown', await placeOf(place), text);
};

/** The secret; undefined if it was sealed for another page, too long ago, or by another version. */
export const openShown = async (
  deps: Pick<Deps, 'keyring' | 'now'>,
  place: Place,
  sealed: string,
): Promise<ShownSecret | undefined> => {
  const opened = await open(deps.keyring, 'seal-shown', await placeOf(place), sealed);
  if (!opened.ok) return undefined;
  const shown = parseStored(shownText, opened.value);
  return shown !== undefined && deps.now() < shown.until
    ? { kind: shown.kind, secret: secret(shown.secret) }
    : undefined;
};

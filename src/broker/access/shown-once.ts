import { hashCredential } from '../../crypto/credential.ts';
import { open, seal } from '../../crypto/seal.ts';
import { type Secret, secret } from '../../domain/secret.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { Deps } from '../deps.ts';

/**
 * A new secret on its way from the form that made it to the page that shows it. The browser carries it sealed, so that neither a URL nor a
 * stored page has it: it opens in one session, at one path, for a minute.
 */
export type ShownSecret = { kind: 'api_key' | 'access_token' | 'webhook_secret'; secret: Secret };

/** The page that shows it: its path, and the cookie of the session. */
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

/** What was sealed for this place; undefined if it is for another one, or too old. */
export const openShown = async (
  deps: Pick<Deps, 'keyring' | 'now'>,
  place: Place,
  sealed: string,
): Promise<ShownSecret | undefined> => {
  const opened = await open(deps.keyring, 'seal-shown', await placeOf(place), sealed);
  if (!opened.ok) return undefined;
  const { until, ...shown } = JSON.parse(opened.value) as { kind: ShownSecret['kind']; secret: string; until: number };
  return deps.now() < until ? { kind: shown.kind, secret: secret(shown.secret) } : undefined;
};

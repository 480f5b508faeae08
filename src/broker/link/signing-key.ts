import { nameOfCurrentKey } from '../../crypto/key-name.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { brokerStateText, replaceBrokerState } from '../../store/operator/broker-state.ts';
import type { Deps } from '../deps.ts';

/**
 * Which key the placed Worker signs with, and for which client at Withings, written in the database for its front. A
 * front signs with no other and for no other: if its keyring is older, newer or a wrong one, or its client is, the
 * placed Worker starts the links.
 */

/** Runs in the placed Worker at each tick: writes down the current key if it is another than before. */
export const publishSigningKey = async (deps: Deps): Promise<Result<void, Failure>> => {
  const before = await brokerStateText(deps.db, 'signing_key');
  if (!before.ok) return before;
  const after = await nameOfCurrentKey(deps.keyring, deps.settings.withingsClientId);
  if (before.value === after) return ok(undefined);
  const replaced = await replaceBrokerState(deps.db, 'signing_key', { before: before.value, after }, deps.now());
  return replaced.ok ? ok(undefined) : replaced;
};

/** Whether the placed Worker signs with this keyring's current key for the same client, as far as the database says. */
export const isSigningKeyPublished = async ({
  db,
  keyring,
  settings,
}: Pick<Deps, 'db' | 'keyring' | 'settings'>): Promise<boolean> => {
  const own = nameOfCurrentKey(keyring, settings.withingsClientId);
  const [published, name] = await Promise.all([brokerStateText(db, 'signing_key'), own]);
  return published.ok && published.value === name;
};

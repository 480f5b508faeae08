import { nameOfCurrentKey } from '../../crypto/key-name.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { brokerStateText, replaceBrokerState } from '../../store/operator/broker-state.ts';
import type { Deps } from '../deps.ts';

/**
 * Which key the placed Worker signs with, written in the database for its front. A front signs with no other: if its
 * keyring is older, newer or a wrong one, the placed Worker starts the links.
 */

/** Runs in the placed Worker at each tick: writes down the current key if it is another than before. */
export const publishSigningKey = async (deps: Deps): Promise<Result<void, Failure>> => {
  const before = await brokerStateText(deps.db, 'signing_key');
  if (!before.ok) return before;
  const after = await nameOfCurrentKey(deps.keyring);
  if (before.value === after) return ok(undefined);
  const replaced = await replaceBrokerState(deps.db, 'signing_key', { before: before.value, after }, deps.now());
  return replaced.ok ? ok(undefined) : replaced;
};

/** Whether this keyring's current key is the one that the placed Worker signs with, as far as the database says. */
export const isSigningKeyPublished = async ({ db, keyring }: Pick<Deps, 'db' | 'keyring'>): Promise<boolean> => {
  const [published, own] = await Promise.all([brokerStateText(db, 'signing_key'), nameOfCurrentKey(keyring)]);
  return published.ok && published.value === own;
};

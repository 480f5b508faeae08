import type { Deps } from '../deps.ts';
import { sendRecorded } from '../webhooks/deliver.ts';
import type { Synced, SyncPurpose } from './start-sync.ts';
import { sync } from './sync.ts';

/** Counted with the app's own syncs: an app that connects many users must not take the requests of the others. */
const AT_CONNECT: SyncPurpose = { share: 'sync', isAsked: false, isUse: true, review: 'recent' };

/**
 * Reads the first slice of a new connection's history, behind the answer that connected it. The activation has left the
 * cron a reminder, so what this does not do, or does not end, is done by the next ticks.
 */
export const pullAtConnect = async (deps: Deps, connection: Synced): Promise<void> => {
  const pulled = await sync(deps, connection, AT_CONNECT);
  if (pulled.ok && deps.db.recorded.size > 0) await sendRecorded(deps);
};

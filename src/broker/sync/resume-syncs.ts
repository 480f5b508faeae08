import { DAY_MS, MINUTE_MS } from '../../domain/time.ts';
import { postponeResume, syncsToResume } from '../../store/operator/work-due.ts';
import type { Deps } from '../deps.ts';
import type { SyncPurpose } from './start-sync.ts';
import { sync } from './sync.ts';

/** How many syncs one tick continues: each may take the requests of a whole slice. */
const MAX_RESUMED = 1;
const POSTPONED_MS = 10 * MINUTE_MS;
/** When connections of a disabled app are due again. */
const DISABLED_APP_PAUSE_MS = DAY_MS;

const RESUMED: SyncPurpose = { share: 'resume', isAsked: false, isUse: true, review: 'recent' };

/** Continues syncs that did not fit one slice. A failing one is postponed and does not stop the others. */
export const resumeSyncs = async (deps: Deps): Promise<void> => {
  const due = await syncsToResume(deps.db, deps.now(), MAX_RESUMED);
  if (!due.ok) return deps.log({ level: 'warn', event: 'tick', outcome: 'resume_failed', reason: due.failure.kind });
  for (const { connectionId, appDisabled } of due.value) {
    if (appDisabled) {
      await postponeResume(deps.db, connectionId, deps.now() + DISABLED_APP_PAUSE_MS);
      continue;
    }
    const synced = await sync(deps, { id: connectionId }, RESUMED);
    if (!synced.ok) await postponeResume(deps.db, connectionId, deps.now() + POSTPONED_MS);
  }
};

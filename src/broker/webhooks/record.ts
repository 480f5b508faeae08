import { mintId } from '../../crypto/credential.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { ReauthReason } from '../../domain/failure.ts';
import { MAX_LISTED_GROUPS } from '../../domain/webhooks/event.ts';
import type { NewEvent } from '../../store/webhooks/events.ts';
import type { Deps } from '../deps.ts';

/**
 * An event of this moment, with an id of its own. The statement decides whether it is recorded: see `eventStatement`.
 */
export const newEvent = (deps: Pick<Deps, 'now' | 'random'>, event: Omit<NewEvent, 'id' | 'at'>): NewEvent => ({
  ...event,
  id: mintId('evt', deps.random),
  at: deps.now(),
});

/** The event of a connection that lost its tokens. */
export const reauthEvent = (
  deps: Pick<Deps, 'now' | 'random'>,
  { appId, connectionId }: { appId: AppId; connectionId: ConnectionId },
  reason: ReauthReason,
): NewEvent => newEvent(deps, { appId, type: 'connection.reauth_required', connectionId, detail: { reason } });

/** The events of a stored page of measurements: which groups changed, and that the history is complete. */
export const syncEvents = (
  deps: Pick<Deps, 'now' | 'random'>,
  { appId, connectionId }: { appId: AppId; connectionId: ConnectionId },
  { changedGroups, completesHistory }: { changedGroups: readonly number[]; completesHistory: boolean },
): NewEvent[] => {
  const of = { appId, connectionId };
  const groupIds = changedGroups.length > MAX_LISTED_GROUPS ? null : [...changedGroups];
  const detail = { groups: changedGroups.length, groupIds };
  return [
    ...(changedGroups.length === 0 ? [] : [newEvent(deps, { ...of, type: 'measurements.changed', detail })]),
    ...(completesHistory ? [newEvent(deps, { ...of, type: 'history.completed' })] : []),
  ];
};

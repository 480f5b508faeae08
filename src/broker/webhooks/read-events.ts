import type { AppId } from '../../domain/app-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { StoredEvent } from '../../domain/webhooks/event.ts';
import { eventsAfter } from '../../store/webhooks/events.ts';
import type { Deps } from '../deps.ts';
import { groupsOfEvents } from './deliver.ts';
import type { ChangedGroups } from './event-body.ts';

/** An event with its current content. */
export type ShownEvent = { event: StoredEvent; groups: ChangedGroups | undefined };

/** Events of an app after a sequence number, for a receiver that was down. They are kept for seven days. */
export const readEvents = async (
  deps: Deps,
  appId: AppId,
  after: number,
  limit: number,
): Promise<Result<{ events: ShownEvent[]; reachedSeq: number; hasMore: boolean }, Failure>> => {
  const found = await eventsAfter(deps.db, appId, after, limit);
  if (!found.ok) return found;
  const { events, ...rest } = found.value;
  const groups = await groupsOfEvents(deps, events);
  if (!groups.ok) return groups;
  return ok({ ...rest, events: events.map((event) => ({ event, groups: groups.value.get(event.seq) })) });
};

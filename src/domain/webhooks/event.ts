import type { AppId } from '../app-id.ts';
import type { ConnectionId } from '../connection-id.ts';
import type { EpochMs } from '../time.ts';
import type { UserId } from '../user-id.ts';

/** What apps get events about. Types are added, never renamed: receivers compare them. */
export const EVENT_TYPES = [
  'connection.created',
  'connection.restored',
  'connection.reauth_required',
  'connection.disconnected',
  'history.completed',
  'measurements.changed',
  'user.erased',
  'webhook.test',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** What a type adds to an event; values of measurements are read when the event is sent. */
export type EventDetail = {
  /** Why consent is needed again. Of `connection.reauth_required`. */
  reason?: string | undefined;
  /** The groups that changed. Null if there were more than are listed. Of `measurements.changed`. */
  groupIds?: number[] | null | undefined;
  /** How many groups changed. Of `measurements.changed`. */
  groups?: number | undefined;
  /** The only endpoint that gets it. Of `webhook.test`. */
  endpointId?: string | undefined;
};

/** An event as it is stored. */
export type StoredEvent = {
  appId: AppId;
  seq: number;
  id: string;
  type: EventType;
  connectionId: ConnectionId | undefined;
  /** Undefined if the connection it is about was erased: such an event is not shown to anyone. */
  userId: UserId | undefined;
  at: EpochMs;
  detail: EventDetail;
};

/** A change that touched more groups has their number alone. */
export const MAX_LISTED_GROUPS = 100;

/** How long events can be read back. */
export const EVENTS_KEPT_MS = 7 * 24 * 60 * 60 * 1000;

/** Whether an endpoint gets an event. A test goes to the endpoint that it tests, whatever its filter. */
export const isForEndpoint = (
  { type, detail }: Pick<StoredEvent, 'type' | 'detail'>,
  endpoint: { id: string; eventTypes: readonly string[] | undefined },
): boolean =>
  type === 'webhook.test'
    ? detail.endpointId === endpoint.id
    : endpoint.eventTypes === undefined || endpoint.eventTypes.includes(type);

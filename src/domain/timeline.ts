import type { EpochMs } from './time.ts';

/**
 * What happened to a connection, newest first. Equal consecutive events are one entry with a count: a refresh that
 * fails every minute for an hour is one entry, not sixty.
 */
export type TimelineEvent = {
  kind: TimelineEventKind;
  /** A stable word for the reason; absent if the kind is enough. */
  reason?: string | undefined;
  /** When it happened first. */
  at: EpochMs;
  /** When it last happened, if more than once. */
  until?: EpochMs | undefined;
  count?: number | undefined;
};

export const TIMELINE_EVENT_KINDS = [
  'connected',
  'reconnected',
  'refreshed',
  'refresh_failed',
  'reauth_required',
  'synced',
  'sync_failed',
  'disconnected',
] as const;

export type TimelineEventKind = (typeof TIMELINE_EVENT_KINDS)[number];

export const TIMELINE_LENGTH = 24;

import type { EpochMs } from './time.ts';

/**
 * What happened to a connection, newest first. Equal events in a row are one entry with a count: a refresh that fails every minute for
 * an hour is one line, not sixty.
 */
export type TimelineEvent = {
  kind: TimelineEventKind;
  /** A stable word for why; absent where the kind says it all. */
  reason?: string;
  /** When it happened first. */
  at: EpochMs;
  /** When it happened last, where it happened more than once. */
  until?: EpochMs;
  count?: number;
};

export type TimelineEventKind =
  | 'connected'
  | 'reconnected'
  | 'refreshed'
  | 'refresh_failed'
  | 'reauth_required'
  | 'synced'
  | 'sync_failed'
  | 'disconnected';

/** How many entries a connection keeps. */
export const TIMELINE_LENGTH = 24;

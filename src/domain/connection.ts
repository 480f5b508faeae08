import type { AppId } from './app-id.ts';
import type { ConnectionId } from './connection-id.ts';
import { type ConnectionFailure, REAUTH_REASONS, type ReauthReason } from './failure.ts';
import { parseWord } from './stored-word.ts';
import type { EpochMs } from './time.ts';
import type { TimelineEvent } from './timeline.ts';
import type { UserId } from './user-id.ts';

/**
 * One user of one app linked to one Withings account. `active` and `reauth_required` are live: no open link replaces
 * them by another Withings account. A pending connection is stored elsewhere until it is confirmed.
 */
export type ConnectionState = 'active' | 'reauth_required' | 'disconnected';

/** Whether the connection keeps an open link from replacing it. */
export const isLive = (state: ConnectionState): boolean => state !== 'disconnected';

/**
 * How much of a user's history is stored: nothing yet, a part while the rest is being read, what the app wants without
 * asking, or everything.
 */
export type HistoryProgress = 'unread' | 'reading' | 'partial' | 'complete';

/**
 * How a connection's data comes: Withings pushes, the cron polls it daily, or neither, so that it comes with a request
 * or with a refresh of the tokens.
 */
export type Delivery = 'push' | 'poll' | 'on_request';

/** How the data of an active connection comes. */
export const deliveryOf = ({ isSubscribed, isPolled }: { isSubscribed: boolean; isPolled: boolean }): Delivery => {
  if (isSubscribed) return 'push';
  return isPolled ? 'poll' : 'on_request';
};

/** How fresh a connection's data is, and how it comes. */
export type Freshness = {
  /** Everything that was new at Withings by then is stored. */
  dataAsOf: EpochMs | undefined;
  /** Undefined if the connection is not active. */
  delivery: Delivery | undefined;
  /** When Withings last pushed about the person, of those pushes that were synced. */
  lastPushAt: EpochMs | undefined;
};

/** A connection that waits to be confirmed, as it is shown. */
export type ShownPending = { since: EpochMs; isDemo: boolean };

/** A connection's public data, never a token. */
export type ConnectionDetail = Freshness & {
  userId: UserId;
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  stateSince: EpochMs;
  withingsUserId: string;
  /** Whether another user of the app is connected to the same Withings account. */
  isShared: boolean;
  /** Whether it was linked to Withings' demo account. */
  isDemo: boolean;
  scope: string[];
  createdAt: EpochMs;
  lastSyncAt: EpochMs | undefined;
  /** Since when everything that was measured is stored; undefined if nothing older is still to be read. */
  historyCompleteFrom: EpochMs | undefined;
  history: HistoryProgress;
  nextRefreshAt: EpochMs | undefined;
  lastFailure: { kind: string; at: EpochMs } | undefined;
  timeline: TimelineEvent[];
};

/** A connection's sealed tokens, and the state that decides whether they are usable. */
export type StoredTokens = {
  connectionId: ConnectionId;
  appId: AppId;
  userId: UserId;
  /** Whose tokens they are: what a refresh brings has to be theirs. */
  withingsUserId: string;
  state: ConnectionState;
  stateReason: ReauthReason | undefined;
  accessTokenSealed: string | undefined;
  refreshTokenSealed: string | undefined;
  previousRefreshTokenSealed: string | undefined;
  tokenVersion: number;
  accessExpiresAt: EpochMs;
  lastUsedAt: EpochMs | undefined;
  refreshLeaseId: string | undefined;
  refreshFailures: number;
  /** Since when every refresh was refused, in words that are not known to mean the end. */
  refreshRefusedSince: EpochMs | undefined;
  /**
   * Since when a refresh may have rotated the tokens without the broker knowing. Taking a lease, to send one, sets it.
   */
  inDoubtSince: EpochMs | undefined;
};

/** A stored reason. One of another version is not shown; that the user has to consent again is. */
export const reauthReasonOf = (text: string | null): ReauthReason | undefined => parseWord(REAUTH_REASONS, text);

/** Why a connection has no usable token, independent of the token's age. */
export const whyUnusable = (
  tokens: Pick<StoredTokens, 'state' | 'stateReason'> | undefined,
): ConnectionFailure | undefined => {
  if (tokens === undefined || tokens.state === 'disconnected') return { kind: 'not_connected' };
  if (tokens.state === 'reauth_required') {
    return { kind: 'reauth_required', reason: tokens.stateReason ?? 'refresh_token_rejected' };
  }
  return undefined;
};

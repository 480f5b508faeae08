import type { LinkPolicy } from './app.ts';
import type { ConnectionId } from './connection-id.ts';
import { type ConnectionState, isLive } from './connection.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

/** How long a `state` lives. A first sign-up at Withings, with a scale to set up, takes time. */
export const STATE_LIFETIME_MS = 30 * MINUTE_MS;

/**
 * How long a connect session lives: long enough to reach the user's browser, short enough to make a leaked one
 * worthless.
 */
export const CONNECT_SESSION_LIFETIME_MS = 10 * MINUTE_MS;

/**
 * How far the clocks of two isolates may differ: one accepts a token, another deletes its mark. Generous, because a
 * mark is one small row.
 */
const CLOCKS_APART_MS = HOUR_MS;

/** Until when a used `state` must be remembered. */
export const stateMarkExpiresAt = (stateExpiresAt: EpochMs): EpochMs => stateExpiresAt + CLOCKS_APART_MS;

/** Until when a used connect session must be remembered: a `state` made in its last moment lives on after it. */
export const sessionMarkExpiresAt = (sessionExpiresAt: EpochMs): EpochMs =>
  sessionExpiresAt + STATE_LIFETIME_MS + CLOCKS_APART_MS;

/** The origin of a link: opened by anyone with a `user_id`, or created by the app's backend. */
export type LinkKind = 'open' | 'session';

/**
 * How a link ends at the app. The list is closed, so no wording of Withings reaches a redirect. `connected` and
 * `pending` are successes; the others are sent as `error`.
 */
export const LINK_ERRORS = {
  access_denied: 'The user did not allow access to their measurements.',
  already_connected:
    'The user is connected to another Withings account. Disconnect first, or link through a connect session.',
  account_in_use: 'Another user of this app is connected to this Withings account.',
  link_not_allowed: 'This app takes only links that its backend made, each used once.',
  ticket_already_sent:
    'The link was answered before and waits for its confirmation. The ticket went with the first answer. Start again if it did not arrive.',
  code_rejected: 'Withings did not accept its authorization code, which lives 30 seconds. Start again.',
  temporarily_unavailable: 'The connection could not be made just now. Start again.',
  server_error: 'The broker is not set up correctly at Withings. The operator has been told.',
} as const;

export type LinkError = keyof typeof LINK_ERRORS;
export type LinkOutcome = 'connected' | 'pending' | LinkError;

/**
 * Whether other users of an app are connected to a Withings account: `none`, or some, which the app allows or refuses.
 */
export type OthersOnAccount = 'none' | 'allowed' | 'refused';

/** A connection of the user, as far as the decision depends on it. */
export type LinkedConnection = {
  id: ConnectionId;
  withingsUserId: string;
  state: ConnectionState;
  isCurrent: boolean;
  isDemo: boolean;
};

/**
 * Whether a live connection to another Withings account is in the way. One to Withings' demo account never is: its data
 * is invented.
 */
export const isPlaceTaken = (known: readonly LinkedConnection[], withingsUserId: string): boolean =>
  known.some((one) => one.isCurrent && isLive(one.state) && !one.isDemo && one.withingsUserId !== withingsUserId);

export type LinkDecision =
  | { kind: 'activate'; connectionId: ConnectionId | undefined; mayReplace: boolean }
  | { kind: 'hold'; connectionId: ConnectionId | undefined }
  | { kind: 'refuse'; error: Extract<LinkError, 'already_connected' | 'account_in_use' | 'link_not_allowed'> };

/**
 * Decides which link may create or replace which connection (threats: a link opened in another person's browser, a live
 * connection replaced by a stranger's account). A link to Withings' demo account replaces no other live connection,
 * whatever the policy.
 *
 * @param known the user's current connection and the one to this Withings account, if any
 * @param othersOnAccount whether another user of the app is connected to this Withings account, and whether the app
 *   allows that
 * @param sameBrowser whether the callback came from the browser that opened the link. An absent cookie is no sign of an
 *   attack (iOS and in-app browsers drop cookies), so this only asks for a confirmation and never refuses
 */
export const decideLink = (link: {
  policy: LinkPolicy;
  kind: LinkKind;
  sameBrowser: boolean;
  withingsUserId: string;
  isDemo: boolean;
  othersOnAccount: OthersOnAccount;
  known: readonly LinkedConnection[];
}): LinkDecision => {
  const same = link.known.find(({ withingsUserId }) => withingsUserId === link.withingsUserId);
  if (link.policy === 'session' && link.kind === 'open') return { kind: 'refuse', error: 'link_not_allowed' };
  if (link.othersOnAccount === 'refused') return { kind: 'refuse', error: 'account_in_use' };
  const holdsThePlace = isPlaceTaken(link.known, link.withingsUserId);
  if (holdsThePlace && link.isDemo) return { kind: 'refuse', error: 'already_connected' };
  if (link.policy === 'confirm') return { kind: 'hold', connectionId: same?.id };
  if (link.kind === 'session') {
    return link.sameBrowser
      ? { kind: 'activate', connectionId: same?.id, mayReplace: !link.isDemo }
      : { kind: 'hold', connectionId: same?.id };
  }
  if (holdsThePlace) return { kind: 'refuse', error: 'already_connected' };
  return { kind: 'activate', connectionId: same?.id, mayReplace: false };
};

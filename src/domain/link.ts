import type { LinkPolicy } from './app.ts';
import { type ConnectionState, isLive } from './connection.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

/** How long a state lives: a first sign-up at Withings, with a scale to set up, takes its time. */
export const STATE_LIFETIME_MS = 30 * MINUTE_MS;

/** How long a connect session lives: long enough to reach the user's browser, short enough that a leaked one is soon worth nothing. */
export const CONNECT_SESSION_LIFETIME_MS = 10 * MINUTE_MS;

/** How far two isolates' clocks may be apart, one that accepts a token and one that deletes its mark. Generous: a mark is one small row. */
const CLOCKS_APART_MS = HOUR_MS;

/** Until when a used state must be remembered. */
export const stateMarkExpiresAt = (stateExpiresAt: EpochMs): EpochMs => stateExpiresAt + CLOCKS_APART_MS;

/** Until when a used connect session must be remembered: a state can be made from it in its last moment, and lives on from there. */
export const sessionMarkExpiresAt = (sessionExpiresAt: EpochMs): EpochMs =>
  sessionExpiresAt + STATE_LIFETIME_MS + CLOCKS_APART_MS;

/** How a link came about: opened by anyone with a `user_id`, or minted by the app's backend. */
export type LinkKind = 'open' | 'session';

/**
 * How a link ends at the app: a closed list, so that nothing of Withings' wording reaches a redirect. `connected` and `pending` are the
 * successes; the others are sent as `error`.
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

/** Whether other users of an app are connected to a Withings account: nobody is, or somebody is and the app allows it or refuses it. */
export type OthersOnAccount = 'none' | 'allowed' | 'refused';

/** What becomes of a completed link. */
export type LinkDecision =
  | { kind: 'activate'; connectionId: number | undefined; mayReplace: boolean }
  | { kind: 'hold'; connectionId: number | undefined }
  | { kind: 'refuse'; error: Extract<LinkError, 'already_connected' | 'account_in_use' | 'link_not_allowed'> };

/**
 * Who may link whom (threats: a link opened by somebody else's browser, a live connection replaced by a stranger's account).
 *
 * @param known the user's current connection and the one to this Withings account, if any
 * @param othersOnAccount whether another user of the app is connected to this Withings account, and whether the app allows that
 * @param sameBrowser whether the callback came from the browser that opened the link. Absent cookies are no sign of an attack (iOS and
 *   in-app browsers drop them), so this only ever asks for a confirmation, never refuses
 */
export const decideLink = (link: {
  policy: LinkPolicy;
  kind: LinkKind;
  sameBrowser: boolean;
  withingsUserId: string;
  othersOnAccount: OthersOnAccount;
  known: readonly { id: number; withingsUserId: string; state: ConnectionState; isCurrent: boolean }[];
}): LinkDecision => {
  const same = link.known.find(({ withingsUserId }) => withingsUserId === link.withingsUserId);
  if (link.policy === 'session' && link.kind === 'open') return { kind: 'refuse', error: 'link_not_allowed' };
  if (link.othersOnAccount === 'refused') return { kind: 'refuse', error: 'account_in_use' };
  if (link.policy === 'confirm') return { kind: 'hold', connectionId: same?.id };
  if (link.kind === 'session') {
    return link.sameBrowser
      ? { kind: 'activate', connectionId: same?.id, mayReplace: true }
      : { kind: 'hold', connectionId: same?.id };
  }
  const current = link.known.find(({ isCurrent }) => isCurrent);
  const holdsThePlace = current !== undefined && isLive(current.state) && current.id !== same?.id;
  if (holdsThePlace) return { kind: 'refuse', error: 'already_connected' };
  return { kind: 'activate', connectionId: same?.id, mayReplace: false };
};

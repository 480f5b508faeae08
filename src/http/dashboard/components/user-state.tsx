import type { ConnectionState, Delivery } from '../../../domain/connection.ts';
import type { ReauthReason } from '../../../domain/failure.ts';
import { Badge } from './badge.tsx';

export type UserState = ConnectionState | 'pending';

export const USER_STATES: Record<UserState, { label: string; tone: 'good' | 'wait' | 'bad' | 'plain' }> = {
  active: { label: 'Connected', tone: 'good' },
  pending: { label: 'Waiting', tone: 'wait' },
  reauth_required: { label: 'Needs reconnect', tone: 'bad' },
  disconnected: { label: 'Disconnected', tone: 'plain' },
};

export const StateBadge = ({ state }: { state: UserState }) => (
  <Badge tone={USER_STATES[state].tone}>{USER_STATES[state].label}</Badge>
);

/** How new data of a user comes. */
export const DELIVERIES: Record<Delivery, string> = {
  push: 'by Withings’ pushes',
  poll: 'by a daily poll',
  on_request: 'on request',
};

/** A connection to Withings' demo account. */
export const DemoBadge = () => <Badge tone="plain">Demo</Badge>;

/** Why a user has to connect again, in a sentence. */
export const REAUTH_SENTENCES: Record<ReauthReason, string> = {
  refresh_token_rejected: 'Withings rejected the refresh token: access was withdrawn there, or unused for a year.',
  access_token_rejected: 'Withings has refused this user’s measurements for hours, although the tokens were new.',
  insufficient_scope: 'Withings withdrew the permission to read measurements.',
  seal_broken: 'The stored tokens do not open: the row was changed outside the broker.',
};

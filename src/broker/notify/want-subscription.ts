import type { Activation } from '../../store/link/activation.ts';
import { wantSubscriptionStatement } from '../../store/notify/subscriptions.ts';
import type { Deps } from '../deps.ts';

/**
 * The statements that have a person subscribed, for the transaction that connects them. The cron takes the steps.
 * Withings' demo account is not subscribed: one push would sync every connection to it.
 */
export const subscriptionStatements = (
  deps: Deps,
  { withingsUserId, isDemo }: Pick<Activation, 'withingsUserId' | 'isDemo'>,
  origin: string | undefined,
): D1PreparedStatement[] =>
  isDemo || origin === undefined || deps.settings.notifyApplis.length === 0
    ? []
    : [wantSubscriptionStatement(deps.db, withingsUserId, origin, deps.now())];

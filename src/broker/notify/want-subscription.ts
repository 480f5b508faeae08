import { wantSubscriptionStatement } from '../../store/notify/subscriptions.ts';
import type { Deps } from '../deps.ts';

/** The statements that have a person subscribed, for the transaction that connects them. The cron takes the steps. */
export const subscriptionStatements = (
  deps: Deps,
  withingsUserId: string,
  origin: string | undefined,
): D1PreparedStatement[] =>
  origin === undefined || deps.settings.notifyApplis.length === 0
    ? []
    : [wantSubscriptionStatement(deps.db, withingsUserId, origin, deps.now())];

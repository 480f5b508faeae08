import { hashCredential, isWellFormedCredential } from '../../crypto/credential.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { isPlaceTaken } from '../../domain/link.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { UserId } from '../../domain/user-id.ts';
import { activateConnection } from '../../store/link/activation.ts';
import { connectionsForLinking } from '../../store/link/connections.ts';
import { type FoundPending, pendingByTicket } from '../../store/link/pending-connections.ts';
import type { Deps } from '../deps.ts';
import { logAbout, reasonOf } from '../log.ts';
import { subscriptionStatements } from '../notify/want-subscription.ts';
import { pullAtConnect } from '../sync/pull-at-connect.ts';
import { openToken } from '../tokens/sealed-tokens.ts';
import { prepareActivation } from './activation.ts';

/** As in `store-grant.ts`: a caller that loses a race reads again and decides again. */
const MAX_DECISIONS = 3;

/**
 * Confirms a pending connection: the app's backend sends the ticket that its signed-in user brought back, and that
 * user's id. Only now the tokens become a connection, and replace one to another Withings account.
 *
 * @returns `not_found` for a ticket that is unknown, used or expired; `wrong_user` if the link was made for another
 *   user; `account_in_use` if the app refuses a Withings account that another of its users is connected to;
 *   `already_connected` if the link was to Withings' demo account and the user has connected their own since
 */
export const confirmLink = async (
  deps: Deps,
  appId: AppId,
  shown: { ticket: string; userId: UserId; origin?: string | undefined },
): Promise<Result<void, Failure>> => {
  const confirmed = await confirmTicket(deps, appId, shown);
  const line = confirmed.ok
    ? ({ level: 'info', outcome: 'confirmed' } as const)
    : ({ level: 'info', outcome: 'not_confirmed', reason: reasonOf(confirmed.failure) } as const);
  await logAbout(deps, { appId, userId: shown.userId }, { event: 'link', ...line });
  return confirmed;
};

const confirmTicket = async (
  deps: Deps,
  appId: AppId,
  { ticket, userId, origin }: { ticket: string; userId: UserId; origin?: string | undefined },
): Promise<Result<void, Failure>> => {
  const noSuchTicket = fail({ kind: 'not_found', what: 'ticket' } as const);
  if (!(await isWellFormedCredential('ticket', ticket))) return noSuchTicket;
  const ticketHash = await hashCredential(ticket);
  for (let decisions = 1; decisions <= MAX_DECISIONS; decisions += 1) {
    const found = await pendingByTicket(deps.db, appId, ticketHash, deps.now());
    if (!found.ok) return found;
    if (found.value === undefined) return noSuchTicket;
    if (found.value.userId !== userId) return fail({ kind: 'wrong_user' });
    const activated = await activatePending(deps, found.value, origin);
    if (!activated.ok) return activated;
    if (activated.value === undefined) continue;
    const id = activated.value;
    if (found.value.historyOnConnect !== 'none') deps.waitUntil(pullAtConnect(deps, { id, appId }));
    return ok(undefined);
  }
  return fail({ kind: 'storage_unavailable', store: 'd1', retryAfterSeconds: 1 });
};

/** Undefined if another write came first. */
const activatePending = async (
  deps: Deps,
  pending: FoundPending,
  origin: string | undefined,
): Promise<Result<ConnectionId | undefined, Failure>> => {
  const { appId, userId, withingsUserId, isDemo } = pending;
  const known = await connectionsForLinking(deps.db, pending);
  if (!known.ok) return known;
  if (known.value.othersOnAccount === 'refused') return fail({ kind: 'account_in_use' });
  if (isDemo && isPlaceTaken(known.value.known, withingsUserId)) return fail({ kind: 'already_connected' });
  // The connection to this account may exist by now under another id, so the tokens are sealed again to that id.
  const connectionId =
    known.value.known.find((one) => one.withingsUserId === withingsUserId)?.id ?? pending.connectionId;
  const owner = { appId, connectionId: pending.connectionId };
  const access = await openToken(deps, owner, 'access_token', pending.accessTokenSealed);
  const refresh = await openToken(deps, owner, 'refresh_token', pending.refreshTokenSealed);
  if (!access.ok || !refresh.ok) {
    const isKeyMissing = [access, refresh].some((opened) => !opened.ok && opened.failure.kind === 'key_missing');
    return fail(isKeyMissing ? { kind: 'sealing_key_missing' } : { kind: 'not_found', what: 'ticket' });
  }

  const now = deps.now();
  const activation = await prepareActivation(
    deps,
    {
      id: connectionId,
      appId,
      userId,
      withingsUserId,
      isDemo,
      scope: pending.scope,
      accessToken: access.value,
      refreshToken: refresh.value,
      accessExpiresAt: pending.accessExpiresAt,
      mayReplace: !isDemo,
      historyOnConnect: pending.historyOnConnect,
      ticketHash: pending.ticketHash,
    },
    now,
  );
  const activated = await activateConnection(deps.db, activation, now, [
    ...subscriptionStatements(deps, activation, origin),
  ]);
  if (!activated.ok) return activated;
  if (!activated.value) return ok(undefined);
  if (known.value.othersOnAccount !== 'none') {
    await logAbout(deps, pending, { level: 'warn', event: 'link', outcome: 'account_shared' });
  }
  return ok(connectionId);
};

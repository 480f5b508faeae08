import { hashUser } from '../../crypto/user-hash.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { Actor } from '../../domain/audit.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { type ConnectionDetail, type ShownPending, whyUnusable } from '../../domain/connection.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { UserId } from '../../domain/user-id.ts';
import { disconnectUser } from '../../store/link/connections.ts';
import { shownPending } from '../../store/link/pending-connections.ts';
import { endingConnection } from '../../store/notify/subscriptions.ts';
import { connectionDetail } from '../../store/users/connection-detail.ts';
import type { AuthorizedRequest, PersonRequest } from '../access/authenticate.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';
import { endSubscription } from '../notify/end-subscription.ts';
import { forgetParked } from '../tokens/parked-pair.ts';
import { newEvent } from '../webhooks/record.ts';

/** Whether a user's data can be read now. An unknown user is not connected. */
export const isConnected = ({ connection }: AuthorizedRequest): boolean => connection?.state === 'active';

/** A connection as it is shown, and the user's hash for the log and the audit trail. */
export type ShownConnection = {
  detail: ConnectionDetail | undefined;
  pending: ShownPending | undefined;
  userHash: string;
};

/** A user's current connection, and since when another one waits to be confirmed. */
export const showConnection = async (
  deps: Deps,
  { appId, userId }: Omit<PersonRequest, 'by'>,
): Promise<Result<ShownConnection, Failure>> => {
  const detail = await connectionDetail(deps.db, appId, userId);
  if (!detail.ok) return detail;
  const pending = await shownPending(deps.db, appId, userId, deps.now());
  if (!pending.ok) return pending;
  if (detail.value === undefined && pending.value === undefined) return fail({ kind: 'not_found', what: 'connection' });
  const userHash = await hashUser(deps.keyring, appId, userId);
  return ok({ detail: detail.value, pending: pending.value, userHash });
};

/**
 * Deletes a user's tokens, at once and also during a refresh. The authorization at Withings is not revoked: revoking
 * acts on the person, who may be connected elsewhere. A repetition changes nothing.
 */
export const disconnect = async (
  deps: Deps,
  { appId, userId, by }: { appId: AppId; userId: UserId; by: Actor },
  alongside: readonly D1PreparedStatement[] = [],
): Promise<Result<void, Failure>> => {
  const userHash = await hashUser(deps.keyring, appId, userId);
  const audit = auditStatementFor(deps, by, { action: 'user.disconnected', appId, subject: userHash });
  const event = newEvent(deps, { appId, type: 'connection.disconnected' });
  const ending =
    deps.settings.notifyApplis.length === 0 ? undefined : await endingConnection(deps.db, { appId, userId });
  const done = await disconnectUser(deps.db, { appId, userId }, deps.now(), { audit, event }, alongside);
  if (!done.ok) return done;
  for (const place of done.value) forgetParked(deps, place);
  if (ending?.ok === true && ending.value !== undefined) deps.waitUntil(endSubscription(deps, ending.value));
  deps.log({ level: 'info', event: 'link', outcome: 'disconnected', appId, userHash });
  return ok(undefined);
};

/** The connection for a sync, or why there is none. */
export const syncableConnection = ({
  appId,
  connection,
}: AuthorizedRequest): Result<{ id: ConnectionId; appId: AppId }, Failure> => {
  const unusable = whyUnusable(connection);
  return connection === undefined || unusable !== undefined
    ? fail(unusable ?? { kind: 'not_connected' })
    : ok({ id: connection.id, appId });
};

import { reauthReasonOf, type StoredTokens } from '../../domain/connection.ts';
import { connections } from '../schema/connections.ts';

/**
 * The token columns of a connection, and the transitions of the refresh protocol (`broker/tokens/refresh.ts`). Every
 * write names the lease and the version that it relies on. So a disconnect, a reconnect or another holder in between
 * wins.
 */

export const tokenColumns = {
  connectionId: connections.id,
  appId: connections.appId,
  userId: connections.userId,
  withingsUserId: connections.withingsUserId,
  state: connections.state,
  stateReason: connections.stateReason,
  accessTokenSealed: connections.accessTokenSealed,
  refreshTokenSealed: connections.refreshTokenSealed,
  previousRefreshTokenSealed: connections.previousRefreshTokenSealed,
  tokenVersion: connections.tokenVersion,
  accessExpiresAt: connections.accessExpiresAt,
  lastUsedAt: connections.lastUsedAt,
  refreshLeaseId: connections.refreshLeaseId,
  refreshFailures: connections.refreshFailures,
  refreshRefusedSince: connections.refreshRefusedSince,
  inDoubtSince: connections.inDoubtSince,
};

type TokenRow = {
  [Column in keyof typeof tokenColumns]: (typeof connections.$inferSelect)[Column extends 'connectionId'
    ? 'id'
    : Column];
};

export const tokensOfRow = (row: TokenRow): StoredTokens => ({
  ...row,
  stateReason: reauthReasonOf(row.stateReason),
  accessTokenSealed: row.accessTokenSealed ?? undefined,
  refreshTokenSealed: row.refreshTokenSealed ?? undefined,
  previousRefreshTokenSealed: row.previousRefreshTokenSealed ?? undefined,
  lastUsedAt: row.lastUsedAt ?? undefined,
  refreshLeaseId: row.refreshLeaseId ?? undefined,
  refreshRefusedSince: row.refreshRefusedSince ?? undefined,
  inDoubtSince: row.inDoubtSince ?? undefined,
});

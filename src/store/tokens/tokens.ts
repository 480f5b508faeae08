import { and, eq, gt } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { StoredTokens } from '../../domain/connection.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type Db, type StoreResult, tryD1, tryD1Idempotent } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { connections } from '../schema/connections.ts';
import { tokenColumns, tokensOfRow } from './token-row.ts';

const TOKENS = prepared((orm, param: Param<{ connectionId: ConnectionId }>) =>
  orm
    .select(tokenColumns)
    .from(connections)
    .where(eq(connections.id, param('connectionId'))),
);

export const tokensOf = (db: Db, connectionId: ConnectionId): StoreResult<StoredTokens | undefined> =>
  tryD1(db, async () => {
    const row = await TOKENS.first(db, { connectionId });
    return row === undefined ? undefined : tokensOfRow(row);
  });

/** Records that an access token has ended before its time. Writes nothing if the tokens were replaced. */
export const endAccessToken = (
  db: Db,
  { connectionId, tokenVersion }: Pick<StoredTokens, 'connectionId' | 'tokenVersion'>,
  now: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.orm
      .update(connections)
      .set({ accessExpiresAt: now })
      .where(
        and(
          eq(connections.id, connectionId),
          eq(connections.tokenVersion, tokenVersion),
          gt(connections.accessExpiresAt, now),
        ),
      );
  });

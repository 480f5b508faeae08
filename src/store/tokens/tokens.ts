import { eq } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { StoredTokens } from '../../domain/connection.ts';
import { type Db, type StoreResult, tryD1 } from '../d1.ts';
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

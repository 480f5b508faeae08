import { eq } from 'drizzle-orm';

import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { brokerState } from '../schema/management.ts';

/** The few things that the broker remembers about itself, each a JSON text under its name. */
export type BrokerStateName = 'keyring' | 'alarms' | 'compaction' | 'signing_key' | 'rows';

export const STATE_VALUE = prepared((orm, param: Param<{ name: BrokerStateName }>) =>
  orm
    .select({ value: brokerState.value })
    .from(brokerState)
    .where(eq(brokerState.name, param('name'))),
);

/** What is remembered under a name, as it was written. */
export const brokerStateText = (db: Db, name: BrokerStateName): StoreResult<string | undefined> =>
  tryD1(db, async () => (await STATE_VALUE.first(db, { name }))?.value);

/**
 * Remembers something, unless it is no longer as it was read: of two who write at once, one does. Raw SQL: the builder
 * inserts no select without a table.
 */
export const replaceBrokerState = (
  db: Db,
  name: BrokerStateName,
  { before, after }: { before: string | undefined; after: string },
  now: number,
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const { results } = await db.d1
      .prepare(
        `INSERT INTO broker_state (name, value, updated_at) SELECT ?1, ?2, ?3
         WHERE ?4 IS (SELECT value FROM broker_state WHERE name = ?1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
         RETURNING name`,
      )
      .bind(name, after, now, before ?? null)
      .all();
    return results.length > 0;
  });

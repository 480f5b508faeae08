import { eq } from 'drizzle-orm';

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { MeasuredValue } from '../../domain/metrics/measurement.ts';
import type { Db } from '../d1.ts';
import { type Param, prepared } from '../prepared.ts';
import { groupKinds } from '../schema/body-data.ts';

/**
 * The combinations of kinds of values that a connection's groups have, by their JSON: a scale sends the same few again
 * and again. With them a group's values are found by their keys. The first kind of each combination is a series that
 * has a value of every such group.
 */
export type GroupKinds = Map<string, number>;

const KINDS = prepared((orm, param: Param<{ connectionId: ConnectionId }>) =>
  orm
    .select({ kinds: groupKinds.kinds, id: groupKinds.id })
    .from(groupKinds)
    .where(eq(groupKinds.connectionId, param('connectionId'))),
);

export const kindsStatement = (db: Db, connectionId: ConnectionId): D1PreparedStatement =>
  KINDS.bind(db, { connectionId });

export const kindsOf = (result: D1Result | undefined): GroupKinds =>
  new Map(KINDS.rowsOf(result).map(({ kinds, id }) => [kinds, id]));

/** The kinds of a group, as they are stored. */
export const kindsJson = (values: readonly MeasuredValue[]): string =>
  JSON.stringify(values.map(({ type, position }) => [type, position]));

/** Three bytes in each group's row. */
const IDS = 2 ** 23;

/** Ids for the combinations that have none yet. They follow from the kinds: the cron and a sync choose the same. */
export const newKinds = (known: GroupKinds, wanted: Iterable<string>): GroupKinds => {
  const added: GroupKinds = new Map();
  const taken = new Set(known.values());
  for (const kinds of wanted) {
    if (known.has(kinds) || added.has(kinds)) continue;
    let id = 0;
    for (const character of kinds) id = (id * 31 + character.charCodeAt(0)) % IDS;
    while (taken.has(id)) id = (id + 1) % IDS;
    taken.add(id);
    added.set(kinds, id);
  }
  return added;
};

import type { ConnectionId } from '../../domain/connection-id.ts';
import type { MeasuredValue } from '../../domain/metrics/measurement.ts';
import type { Db } from '../d1.ts';

/**
 * The combinations of kinds of values that a connection's groups have, by their JSON: a scale sends the same few again
 * and again. With them a group's values are found by their keys. The first kind of each combination is a series that
 * has a value of every such group.
 */
export type GroupKinds = Map<string, number>;

export const kindsStatement = (db: Db, connectionId: ConnectionId): D1PreparedStatement =>
  db.d1.prepare('SELECT id, kinds FROM group_kinds WHERE connection_id = ?').bind(connectionId);

export const kindsOf = (result: D1Result | undefined): GroupKinds =>
  new Map(((result?.results ?? []) as { id: number; kinds: string }[]).map(({ id, kinds }) => [kinds, id]));

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

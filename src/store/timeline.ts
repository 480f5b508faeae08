import { sql, type SQL } from 'drizzle-orm';

import { TIMELINE_LENGTH, type TimelineEvent } from '../domain/timeline.ts';
import { connections } from './schema.ts';

/**
 * The expression that puts an event on top of a connection's timeline, to be set in the very statement that makes it true: so no event is
 * lost to a race, and none costs a row of its own. An event equal to the newest is counted there instead.
 */
export const withEvent = (event: TimelineEvent): SQL<string> => {
  const top = sql`json_extract(${connections.timeline}, '$[0].kind') = ${event.kind}
    AND json_extract(${connections.timeline}, '$[0].reason') IS ${event.reason ?? null}`;
  const counted = sql`json_set(${connections.timeline},
    '$[0].until', ${event.at},
    '$[0].count', coalesce(json_extract(${connections.timeline}, '$[0].count'), 1) + 1)`;
  const pushed = sql`(SELECT json_group_array(json(entry)) FROM (
    SELECT ${JSON.stringify(event)} AS entry
    UNION ALL SELECT value FROM json_each(${connections.timeline}) LIMIT ${TIMELINE_LENGTH}))`;
  return sql<string>`CASE WHEN ${top} THEN ${counted} ELSE ${pushed} END`;
};

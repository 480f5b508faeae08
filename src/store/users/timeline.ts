import { sql, type SQL } from 'drizzle-orm';
import * as z from 'zod';

import { parseStoredList } from '../../domain/stored-json.ts';
import type { EpochMs } from '../../domain/time.ts';
import {
  TIMELINE_EVENT_KINDS,
  TIMELINE_LENGTH,
  type TimelineEvent,
  type TimelineEventKind,
} from '../../domain/timeline.ts';
import { connections } from '../schema/connections.ts';

/** An event as a statement is written for it: where a value differs from call to call, its place. */
type WrittenEvent = {
  kind: TimelineEventKind;
  reason?: string | SQL<string>;
  at: SQL<EpochMs>;
};

/**
 * The expression that adds an event to a connection's timeline. It belongs in the statement that makes the event true.
 * So no event is lost to a race, and none costs a row of its own. An event equal to the newest one is counted there
 * instead.
 */
export const withEvent = ({ kind, reason, at }: WrittenEvent): SQL<string> => {
  // D1 sends every number as a float, and JSON would show it.
  const time = sql`CAST(${at} AS INTEGER)`;
  const top = sql`json_extract(${connections.timeline}, '$[0].kind') = ${kind}
    AND json_extract(${connections.timeline}, '$[0].reason') IS ${reason ?? null}`;
  const counted = sql`json_set(${connections.timeline},
    '$[0].until', ${time},
    '$[0].count', coalesce(json_extract(${connections.timeline}, '$[0].count'), 1) + 1)`;
  const event =
    reason === undefined
      ? sql`'kind', ${kind}, 'at', ${time}`
      : sql`'kind', ${kind}, 'reason', ${reason}, 'at', ${time}`;
  const pushed = sql`(SELECT json_group_array(json(entry)) FROM (
    SELECT json_object(${event}) AS entry
    UNION ALL SELECT value FROM json_each(${connections.timeline}) LIMIT ${TIMELINE_LENGTH}))`;
  return sql<string>`CASE WHEN ${top} THEN ${counted} ELSE ${pushed} END`;
};

/** The timeline of a connection of which nothing else is known. */
export const newTimeline = (kind: TimelineEventKind, at: SQL<EpochMs>): SQL<string> =>
  sql<string>`json_array(json_object('kind', ${kind}, 'at', CAST(${at} AS INTEGER)))`;

const event: z.ZodType<TimelineEvent> = z.looseObject({
  kind: z.enum(TIMELINE_EVENT_KINDS),
  reason: z.string().optional(),
  at: z.number(),
  until: z.number().optional(),
  count: z.number().optional(),
});

/** The stored timeline, without events that cannot be read: no decision depends on them. */
export const timelineOf = (text: string): TimelineEvent[] => parseStoredList(event, text) ?? [];

import * as z from 'zod';

import { parseStored, parseStoredList } from '../../domain/stored-json.ts';
import type { Attempt } from '../../domain/webhooks/endpoint.ts';
import { EVENT_TYPES, type EventDetail, type EventType } from '../../domain/webhooks/event.ts';

/** The JSON columns of webhooks. */

const eventType = z.enum(EVENT_TYPES);

/**
 * The types that an endpoint gets; undefined for all. Types of a newer version are left out. Without a readable list it
 * gets all: an event too many does less harm than one that is lost.
 */
export const eventTypesOf = (text: string | null): EventType[] | undefined => parseStoredList(eventType, text);

const attempt: z.ZodType<Attempt> = z.looseObject({
  eventId: z.string(),
  seq: z.number(),
  type: eventType,
  at: z.number(),
  status: z.number().optional(),
  error: z.enum(['timeout', 'unreachable']).optional(),
  ms: z.number(),
  answer: z.string().optional(),
});

/** The attempts of an endpoint, oldest first, without those that cannot be read: they are only shown. */
export const storedAttempts = (text: string): Attempt[] => parseStoredList(attempt, text) ?? [];

const detail: z.ZodType<EventDetail> = z.looseObject({
  reason: z.string().optional(),
  groupIds: z.array(z.number()).nullable().optional(),
  groups: z.number().optional(),
  endpointId: z.string().optional(),
});

/** What an event adds to its type. If it cannot be read, the event is sent without it, and the app reads the rest. */
export const eventDetailOf = (text: string): EventDetail => parseStored(detail, text) ?? { groupIds: null };

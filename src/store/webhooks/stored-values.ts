import * as z from 'zod';

import { parseStored, parseStoredList } from '../../domain/stored-json.ts';
import { parseWord } from '../../domain/stored-word.ts';
import { type Attempt, DISABLED_REASONS, type DisabledReason } from '../../domain/webhooks/endpoint.ts';
import { EVENT_TYPES, type EventDetail, type EventType } from '../../domain/webhooks/event.ts';

/** The columns of webhooks that hold JSON or a word of a closed list. */

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

/**
 * The type of an event. One of another version is sent as it is: an event that is left out is lost, and receivers
 * ignore types that they do not know.
 */
export const eventTypeOf = (text: string): EventType => text as EventType;

/** Why an endpoint is disabled; undefined while it is not. For another version's reason it is shown as failing. */
export const disabledReasonOf = (text: string | null): DisabledReason | undefined =>
  text === null ? undefined : (parseWord(DISABLED_REASONS, text) ?? 'failing');

import * as z from 'zod';

import { DAY_MS } from '../../../domain/time.ts';
import { MAX_ENDPOINT_URL_LENGTH } from '../../../domain/webhooks/endpoint-url.ts';
import { EVENT_TYPES } from '../../../domain/webhooks/event.ts';
import { MAX_ANSWER_BYTES, MAX_ATTEMPTS_KEPT, MAX_EVENT_BYTES, MAX_RESENT } from '../../../domain/webhooks/limits.ts';
import { DISABLE_AFTER_MS } from '../../../domain/webhooks/retry.ts';
import { changedGroup, deletedGroup } from '../changes/contract.ts';
import { instant } from '../schemas.ts';

/** The HTTP contract of webhooks: the endpoints of an app, and the events that they are sent. */

export const eventType = z.enum(EVENT_TYPES).describe('What happened.');
const eventTypes = z
  .array(eventType)
  .min(1)
  .max(EVENT_TYPES.length)
  .nullable()
  .describe('The types that this endpoint gets; all of them if absent or null.');
const payload = z
  .enum(['full', 'thin'])
  .describe('Whether bodies hold what changed, or only whom it concerns: then the app reads the rest by the API.');
const description = z.string().trim().max(200).describe("The owner's words about the endpoint.");
const url = z
  .string()
  .max(MAX_ENDPOINT_URL_LENGTH)
  .describe('An https URL. With `allow_loopback` on the app, also one on this machine. Redirects are not followed.');

export const createWebhookRequest = z.strictObject({
  url,
  events: eventTypes.optional(),
  payload: payload.optional(),
  description: description.optional(),
});
export const updateWebhookRequest = z.strictObject({
  url: url.optional(),
  events: eventTypes.optional(),
  payload: payload.optional(),
  description: description.optional(),
  disabled: z.boolean().optional().describe('False sends what has waited, and clears the failures.'),
});

export const webhook = z.object({
  id: z.string().describe('Of the endpoint.'),
  url,
  description,
  events: eventTypes,
  payload,
  disabled: z.boolean().describe('Whether nothing is sent.'),
  disabled_reason: z
    .enum(['by_owner', 'gone', 'failing'])
    .nullable()
    .describe(`\`gone\` after an answer 410, \`failing\` after ${DISABLE_AFTER_MS / DAY_MS} days without a success.`),
  failing_since: instant.nullable().describe('Since when every attempt has failed.'),
  previous_secret_until: instant.nullable().describe('Until when the secret before the current one signs too.'),
  created_at: instant.describe('When the endpoint was added.'),
});
export const createdWebhook = webhook.extend({
  secret: z.string().describe('Signs every event: `whsec_…`, as Standard Webhooks has it. Only this answer shows it.'),
});
export const webhookList = z.object({ data: z.array(webhook).describe('In the order in which they were added.') });

export const webhookTest = z.object({ event_id: z.string().describe('Of the `webhook.test` that is sent.') });

export const webhookAttempt = z.object({
  event_id: z.string().describe('Of the event.'),
  sequence: z.int().describe("The event's number in the app."),
  type: eventType,
  at: instant.describe('When the request was begun.'),
  status: z.int().nullable().describe('HTTP status of the answer; null if there was none.'),
  error: z.enum(['timeout', 'unreachable']).nullable().describe('Why there was no answer.'),
  ms: z.int().describe('Milliseconds until the answer.'),
  answer: z.string().nullable().describe(`The first ${MAX_ANSWER_BYTES} bytes of a refusal.`),
});
export const webhookAttemptList = z.object({
  data: z.array(webhookAttempt).describe(`The last ${MAX_ATTEMPTS_KEPT} attempts, newest first.`),
});

const sequence = z.int().min(1);
export const resendRequest = z
  .strictObject({
    from: sequence.optional().describe('The `sequence` of the first event.'),
    to: sequence.optional().describe('The `sequence` of the last event; by default that of the first.'),
    failed_since: instant.optional().describe('Instead of a range: events whose last attempt failed since then.'),
  })
  .refine(
    ({ from, to, failed_since: since }) =>
      (from === undefined) !== (since === undefined) && !(since !== undefined && to !== undefined),
    {
      message: 'Give `from`, with or without `to`, or `failed_since`.',
    },
  )
  .describe(`Which events are sent again. At most ${MAX_RESENT} in one call.`);
export const resent = z.object({ queued: z.int().describe('How many events are sent again.') });

export const event = z.object({
  id: z.string().describe('Never changes: a receiver recognizes a repeated event by it. Equal to `webhook-id`.'),
  type: eventType,
  timestamp: instant.describe('When it happened.'),
  data: z
    .object({
      app_id: z.string().describe('The app.'),
      user_id: z.string().describe("The app's own id of the user."),
      sequence: z
        .int()
        .describe(
          'Rises with each event of the app. An event with a lower number than one already handled for a user is stale, unless it is `measurements.changed`: its data is as of when it is sent.',
        ),
      reason: z.string().optional().describe('Why the user has to connect again. Of `connection.reauth_required`.'),
      groups: z.int().optional().describe('How many measurement groups changed. Of `measurements.changed`.'),
      changes: z
        .array(z.union([changedGroup, deletedGroup]))
        .nullable()
        .optional()
        .describe(
          `The groups as they are when the event is sent, as the changes feed has them. Null if they are too many or larger than ${MAX_EVENT_BYTES / 1024} KiB, or if bodies are \`thin\`: read on at \`read_from\`.`,
        ),
      read_from: z.string().optional().describe('The path of the API that has what the event leaves out.'),
    })
    .describe('Whom the event is about, and what its type adds.'),
});

const MAX_EVENTS = 100;

export const eventsQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0).describe('Events with a higher `sequence` than this.'),
  limit: z.coerce.number().int().min(1).max(MAX_EVENTS).default(MAX_EVENTS).describe('At most so many events.'),
});
export const eventsPage = z.object({
  data: z.array(event).describe('In their order. Events about users who were erased are left out.'),
  next_after: z.int().describe('The `after` of the next call.'),
  has_more: z.boolean().describe('Whether there is more to be read at once.'),
});

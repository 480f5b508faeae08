import * as z from 'zod';

import type { EndpointOptions } from '../../broker/webhooks/manage-webhooks.ts';
import type { Failure } from '../../domain/failure.ts';
import type { WebhookEndpoint } from '../../domain/webhooks/endpoint.ts';
import { EVENT_TYPES, type EventType } from '../../domain/webhooks/event.ts';
import { createWebhookRequest, eventType } from '../api/webhooks/contract.ts';
import { problemOf } from '../problem-text.ts';
import type { FieldErrors } from './form.ts';

/** The form of a webhook endpoint, as it is added and as it is changed. */
const { url, payload, description } = createWebhookRequest.shape;

export const webhookForm = z.strictObject({
  url,
  events: z.array(eventType).min(1).max(EVENT_TYPES.length),
  payload: payload.unwrap(),
  description: description.unwrap(),
});

/** What a person chooses from. A test goes to the endpoint that it tests, whatever its choice. */
export const CHOSEN_TYPES: readonly EventType[] = EVENT_TYPES.filter((type) => type !== 'webhook.test');

/** With every type ticked, an endpoint also gets the types of later versions. */
export const optionsOf = ({ events, ...rest }: z.output<typeof webhookForm>): EndpointOptions => ({
  ...rest,
  eventTypes: CHOSEN_TYPES.every((type) => events.includes(type)) ? undefined : events,
});

/** The fields of an endpoint as its form sends them. */
export const fieldsOf = ({ url, eventTypes, payload, description }: WebhookEndpoint): URLSearchParams =>
  new URLSearchParams([
    ['url', url],
    ['payload', payload],
    ['description', description],
    ...(eventTypes ?? CHOSEN_TYPES).map((type) => ['events', type]),
  ]);

/** The fields of a form that nothing has been written into. */
export const emptyFields = (): URLSearchParams =>
  new URLSearchParams([['payload', 'full'], ...CHOSEN_TYPES.map((type) => ['events', type])]);

const WORDS: Record<string, string> = {
  url: 'A URL has at most 2048 characters.',
  events: 'Choose at least one.',
  description: 'A description has at most 200 characters.',
};

/** The words of each refused field; undefined if one of them is not what a person types. */
export const wordsOf = (refused: FieldErrors): FieldErrors | undefined => {
  const fields = Object.keys(refused).map((path) => path.split('.')[0] ?? '');
  if (!fields.every((field) => Object.hasOwn(WORDS, field))) return undefined;
  return Object.fromEntries(fields.map((field) => [field, WORDS[field] ?? '']));
};

/** The errors of a form that the broker refused, if they are about its fields. */
export const errorsOf = (failure: Failure): FieldErrors | undefined =>
  failure.kind === 'webhook_url_not_allowed' || failure.kind === 'too_many_webhooks'
    ? // Neither text has a link.
      { url: problemOf(failure, '').detail }
    : undefined;

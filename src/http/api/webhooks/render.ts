import type * as z from 'zod';

import type { ChangedGroups, RenderEvent } from '../../../broker/webhooks/event-body.ts';
import type { ShownEvent } from '../../../broker/webhooks/read-events.ts';
import { NO_USER } from '../../../domain/user-id.ts';
import type { Attempt, WebhookEndpoint } from '../../../domain/webhooks/endpoint.ts';
import type { StoredEvent } from '../../../domain/webhooks/event.ts';
import { MAX_EVENT_BYTES } from '../../../domain/webhooks/limits.ts';
import { renderChangedGroup } from '../changes/render.ts';
import { instant, instantOrNull } from '../instant.ts';
import type * as contract from './contract.ts';

export const renderWebhook = (endpoint: WebhookEndpoint): z.infer<typeof contract.webhook> => ({
  id: endpoint.id,
  url: endpoint.url,
  description: endpoint.description,
  events: endpoint.eventTypes ?? null,
  payload: endpoint.payload,
  disabled: endpoint.disabledAt !== undefined,
  disabled_reason: endpoint.disabledReason ?? null,
  failing_since: instantOrNull(endpoint.failingSince),
  previous_secret_until: instantOrNull(endpoint.previousSecretUntil),
  created_at: instant(endpoint.createdAt),
});

export const renderAttempt = (attempt: Attempt): z.infer<typeof contract.webhookAttempt> => ({
  event_id: attempt.eventId,
  sequence: attempt.seq,
  type: attempt.type,
  at: instant(attempt.at),
  status: attempt.status ?? null,
  error: attempt.error ?? null,
  ms: attempt.ms,
  answer: attempt.answer ?? null,
});

export const renderShownEvent = ({ event, groups }: ShownEvent): z.infer<typeof contract.event> =>
  renderEventObject(event, 'full', groups);

/** The body of a webhook. */
export const renderEvent: RenderEvent = (event, payload, groups) => {
  const body = JSON.stringify(renderEventObject(event, payload, groups));
  return new TextEncoder().encode(body).byteLength <= MAX_EVENT_BYTES
    ? body
    : JSON.stringify(renderEventObject(event, 'thin', undefined));
};

const renderEventObject = (
  event: StoredEvent,
  payload: 'full' | 'thin',
  groups: ChangedGroups | undefined,
): z.infer<typeof contract.event> => {
  const { id, type, at, appId, userId = NO_USER, seq, detail } = event;
  return {
    id,
    type,
    timestamp: instant(at),
    data: {
      app_id: appId,
      user_id: userId,
      sequence: seq,
      ...(detail.reason !== undefined && { reason: detail.reason }),
      ...(type === 'measurements.changed' && { groups: detail.groups ?? 0, ...changesOf(event, payload, groups) }),
    },
  };
};

const changesOf = (
  { appId, userId = NO_USER, detail }: StoredEvent,
  payload: 'full' | 'thin',
  groups: ChangedGroups | undefined,
): Pick<z.infer<typeof contract.event>['data'], 'changes' | 'read_from'> =>
  payload === 'thin' || detail.groupIds === null || groups === undefined
    ? { changes: null, read_from: `/apps/${appId}/changes` }
    : {
        changes: [...groups].map(([groupId, group]) =>
          group === undefined
            ? { user_id: userId, group_id: groupId, deleted: true as const }
            : renderChangedGroup(userId, group),
        ),
      };

import { DAY_MS, HOUR_MS } from '../../../domain/time.ts';
import { EVENTS_KEPT_MS } from '../../../domain/webhooks/event.ts';
import { MAX_ENDPOINTS_PER_APP, SECRET_OVERLAP_MS } from '../../../domain/webhooks/limits.ts';
import { WEIGHT } from '../metrics/reference.ts';
import { ACCESS_TOKEN, body, empty, json, tagged } from '../reference/operation.ts';
import * as contract from './contract.ts';

const HOOK = {
  id: 'wh_0123456789abcdef0123',
  url: 'https://api.example.com/webhooks/mushu',
  description: 'Production',
  events: null,
  payload: 'full' as const,
  disabled: false,
  disabled_reason: null,
  failing_since: null,
  previous_secret_until: null,
  created_at: '2026-06-01T08:00:00.000Z',
};
const CREATED = { ...HOOK, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=' };

const EVENT = {
  id: 'evt_0123456789abcdef0123',
  type: 'measurements.changed' as const,
  timestamp: '2026-06-15T07:30:05.000Z',
  data: {
    app_id: 'app_0123456789abcdef0123',
    user_id: 'ada',
    sequence: 42,
    groups: 1,
    changes: [{ user_id: 'ada', group_id: 6437845643, measurements: [WEIGHT] }],
  },
};

const ENDPOINT_OPERATIONS = tagged('Webhooks', ACCESS_TOKEN, [
  {
    id: 'createWebhook',
    method: 'post',
    path: '/apps/{app_id}/webhooks',
    summary: 'Add an endpoint',
    description: `From now on the app’s events are sent to this URL, signed as Standard Webhooks has it (\`webhook-id\`, \`webhook-timestamp\`, \`webhook-signature\`). Only this answer shows the secret. An app has at most ${MAX_ENDPOINTS_PER_APP} endpoints.`,
    problems: ['webhook_url_not_allowed', 'too_many_webhooks'],
    body: body(contract.createWebhookRequest, { url: HOOK.url }),
    answers: [json(201, 'The endpoint with its secret.', contract.createdWebhook, CREATED)],
  },
  {
    id: 'listWebhooks',
    method: 'get',
    path: '/apps/{app_id}/webhooks',
    summary: 'The endpoints of an app',
    answers: [json(200, 'The endpoints, without their secrets.', contract.webhookList, { data: [HOOK] })],
  },
  {
    id: 'getWebhook',
    method: 'get',
    path: '/apps/{app_id}/webhooks/{webhook_id}',
    summary: 'One endpoint',
    problems: ['not_found'],
    answers: [json(200, 'The endpoint, without its secret.', contract.webhook, HOOK)],
  },
  {
    id: 'updateWebhook',
    method: 'patch',
    path: '/apps/{app_id}/webhooks/{webhook_id}',
    summary: 'Change an endpoint',
    description: 'What is left out stays as it is. An endpoint that is enabled again is sent what has waited for it.',
    problems: ['not_found', 'webhook_url_not_allowed'],
    body: body(contract.updateWebhookRequest, { disabled: false }),
    answers: [json(200, 'The endpoint as it is now.', contract.webhook, HOOK)],
  },
  {
    id: 'deleteWebhook',
    method: 'delete',
    path: '/apps/{app_id}/webhooks/{webhook_id}',
    summary: 'Remove an endpoint',
    description: 'Events that wait for it are dropped.',
    problems: ['not_found'],
    answers: [empty(204, 'It is gone.')],
  },
  {
    id: 'rotateWebhookSecret',
    method: 'post',
    path: '/apps/{app_id}/webhooks/{webhook_id}/rotate-secret',
    summary: 'Give an endpoint a new secret',
    description: `For ${SECRET_OVERLAP_MS / HOUR_MS} hours events carry a signature by each of the two secrets. Only this answer shows the new one.`,
    problems: ['not_found'],
    answers: [
      json(200, 'The endpoint with its new secret.', contract.createdWebhook, {
        ...CREATED,
        previous_secret_until: '2026-06-16T08:00:00.000Z',
      }),
    ],
  },
  {
    id: 'testWebhook',
    method: 'post',
    path: '/apps/{app_id}/webhooks/{webhook_id}/test',
    summary: 'Send a `webhook.test`',
    description: 'To this endpoint alone, whatever its filter. Read the attempts to see what came of it.',
    problems: ['not_found', 'webhook_disabled'],
    answers: [json(202, 'It is being sent.', contract.webhookTest, { event_id: EVENT.id })],
  },
  {
    id: 'listWebhookAttempts',
    method: 'get',
    path: '/apps/{app_id}/webhooks/{webhook_id}/attempts',
    summary: 'The last attempts to deliver to an endpoint',
    problems: ['not_found'],
    answers: [
      json(200, 'Newest first.', contract.webhookAttemptList, {
        data: [
          {
            event_id: EVENT.id,
            sequence: 42,
            type: EVENT.type,
            at: '2026-06-15T07:30:05.100Z',
            status: 500,
            error: null,
            ms: 87,
            answer: 'Internal Server Error',
          },
        ],
      }),
    ],
  },
  {
    id: 'resendEvents',
    method: 'post',
    path: '/apps/{app_id}/webhooks/{webhook_id}/resend',
    summary: 'Send events again',
    description: `Within a minute. Events are kept for ${EVENTS_KEPT_MS / DAY_MS} days.`,
    problems: ['not_found', 'webhook_disabled'],
    body: body(contract.resendRequest, { failed_since: '2026-06-15T07:00:00Z' }),
    answers: [json(202, 'They are queued.', contract.resent, { queued: 3 })],
  },
]);

const EVENT_OPERATIONS = tagged('Webhooks', { kind: 'app_key', scope: 'read', userTokens: false }, [
  {
    id: 'listEvents',
    method: 'get',
    path: '/apps/{app_id}/events',
    summary: `The events of the last ${EVENTS_KEPT_MS / DAY_MS} days`,
    description:
      'For a receiver that was down: what webhooks say, in their order. Events are recorded while the app has an endpoint.',
    query: contract.eventsQuery,
    answers: [json(200, 'A page of events.', contract.eventsPage, { data: [EVENT], next_after: 42, has_more: false })],
  },
]);

/** Where an app's events are sent, and the events themselves. */
export const WEBHOOK_OPERATIONS = [...ENDPOINT_OPERATIONS, ...EVENT_OPERATIONS];

import { Hono } from 'hono';

import {
  createWebhook,
  deleteWebhook,
  listAttempts,
  listWebhooks,
  resendEvents,
  rotateWebhookSecret,
  showWebhook,
  testWebhook,
  updateWebhook,
} from '../../../broker/webhooks/manage-webhooks.ts';
import { readEvents } from '../../../broker/webhooks/read-events.ts';
import type { HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { ownHosts } from '../../public-url.ts';
import { forBackend } from '../admission/admit-backend.ts';
import { forApp } from '../admission/admit-manager.ts';
import { valid } from '../validate.ts';
import { createWebhookRequest, eventsQuery, resendRequest, updateWebhookRequest } from './contract.ts';
import { renderAttempt, renderShownEvent, renderWebhook } from './render.ts';

/** Where an app's events are sent. Takes an access token, never an app's key. */
export const webhooksApi = new Hono<HttpEnv>();

/** Hosts of this broker, which no event is sent to. */

webhooksApi.post('/', forApp, valid('json', createWebhookRequest), async (c) => {
  const { url, events, payload = 'full', description = '' } = c.req.valid('json');
  const options = { url, eventTypes: events ?? undefined, payload, description };
  const created = await createWebhook(c.get('deps'), c.get('managed'), options, ownHosts(c));
  if (!created.ok) return answerFailure(c, created.failure);
  return c.json({ ...renderWebhook(created.value.endpoint), secret: created.value.secret.reveal() }, 201);
});

webhooksApi.get('/', forApp, async (c) => {
  const listed = await listWebhooks(c.get('deps'), c.get('managed'));
  return listed.ok ? c.json({ data: listed.value.map(renderWebhook) }) : answerFailure(c, listed.failure);
});

webhooksApi.get('/:webhook_id', forApp, async (c) => {
  const found = await showWebhook(c.get('deps'), c.get('managed'), c.req.param('webhook_id'));
  return found.ok ? c.json(renderWebhook(found.value)) : answerFailure(c, found.failure);
});

webhooksApi.patch('/:webhook_id', forApp, valid('json', updateWebhookRequest), async (c) => {
  const { events, ...rest } = c.req.valid('json');
  const change = { ...rest, eventTypes: events };
  const id = c.req.param('webhook_id');
  const changed = await updateWebhook(c.get('deps'), c.get('managed'), id, change, ownHosts(c));
  return changed.ok ? c.json(renderWebhook(changed.value)) : answerFailure(c, changed.failure);
});

webhooksApi.delete('/:webhook_id', forApp, async (c) => {
  const removed = await deleteWebhook(c.get('deps'), c.get('managed'), c.req.param('webhook_id'));
  return removed.ok ? c.body(null, 204) : answerFailure(c, removed.failure);
});

webhooksApi.post('/:webhook_id/rotate-secret', forApp, async (c) => {
  const rotated = await rotateWebhookSecret(c.get('deps'), c.get('managed'), c.req.param('webhook_id'));
  if (!rotated.ok) return answerFailure(c, rotated.failure);
  return c.json({ ...renderWebhook(rotated.value.endpoint), secret: rotated.value.secret.reveal() });
});

webhooksApi.post('/:webhook_id/test', forApp, async (c) => {
  const sent = await testWebhook(c.get('deps'), c.get('managed'), c.req.param('webhook_id'));
  return sent.ok ? c.json({ event_id: sent.value.eventId }, 202) : answerFailure(c, sent.failure);
});

webhooksApi.get('/:webhook_id/attempts', forApp, async (c) => {
  const listed = await listAttempts(c.get('deps'), c.get('managed'), c.req.param('webhook_id'));
  return listed.ok ? c.json({ data: listed.value.map(renderAttempt) }) : answerFailure(c, listed.failure);
});

webhooksApi.post('/:webhook_id/resend', forApp, valid('json', resendRequest), async (c) => {
  const { from = 0, to = from, failed_since: failedSince } = c.req.valid('json');
  const which = failedSince === undefined ? { from, to } : { failedSince: Date.parse(failedSince) };
  const queued = await resendEvents(c.get('deps'), c.get('managed'), c.req.param('webhook_id'), which);
  return queued.ok ? c.json({ queued: queued.value.queued }, 202) : answerFailure(c, queued.failure);
});

/** The events themselves, for a receiver that was down. */
export const eventsApi = new Hono<HttpEnv>();

eventsApi.get('/', forBackend('read'), valid('query', eventsQuery), async (c) => {
  const { after, limit } = c.req.valid('query');
  const page = await readEvents(c.get('deps'), c.get('backend').appId, after, limit);
  if (!page.ok) return answerFailure(c, page.failure);
  const { events, reachedSeq, hasMore } = page.value;
  return c.json({ data: events.map(renderShownEvent), next_after: reachedSeq, has_more: hasMore });
});

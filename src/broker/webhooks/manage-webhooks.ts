import { mintId } from '../../crypto/credential.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { type Secret, secret } from '../../domain/secret.ts';
import { asUserId } from '../../domain/user-id.ts';
import { validateEndpointUrl } from '../../domain/webhooks/endpoint-url.ts';
import { type Attempt, failedEvents, type Payload, type WebhookEndpoint } from '../../domain/webhooks/endpoint.ts';
import type { EventType } from '../../domain/webhooks/event.ts';
import { MAX_ENDPOINTS_PER_APP, MAX_RESENT, SECRET_OVERLAP_MS } from '../../domain/webhooks/limits.ts';
import {
  addEndpoint,
  attemptsOf,
  changeEndpoint,
  endpointsOf,
  removeEndpoint,
} from '../../store/webhooks/endpoints.ts';
import { addEvent } from '../../store/webhooks/events.ts';
import { queueAgain } from '../../store/webhooks/queue.ts';
import type { ManagedApp } from '../access/admit-manager.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';
import { reviewDisabledAlarm } from './disabled-alarm.ts';
import { newEvent } from './record.ts';
import { sealWebhookSecret } from './secrets.ts';

/** What managers do to an app's webhook endpoints. Each change has an audit entry. */

const NO_ENDPOINT: Failure = { kind: 'not_found', what: 'webhook' };

const SECRET_BYTES = 32;

/** A signing secret as Standard Webhooks defines it: `whsec_` and the base64 of 32 random bytes. */
const mintWebhookSecret = ({ random }: Pick<Deps, 'random'>): Secret =>
  secret(`whsec_${btoa(String.fromCharCode(...random(SECRET_BYTES)))}`);

export type EndpointOptions = {
  url: string;
  eventTypes: EventType[] | undefined;
  payload: Payload;
  description: string;
};

/** Adds an endpoint. Its secret is only in this answer, until it is rotated. */
export const createWebhook = async (
  deps: Deps,
  { app, by }: ManagedApp,
  { url, eventTypes, payload, description }: EndpointOptions,
  ownHosts: readonly string[],
): Promise<Result<{ endpoint: WebhookEndpoint; secret: Secret }, Failure>> => {
  const checked = validateEndpointUrl(url, { allowLoopback: app.allowLoopback, ownHosts });
  if (!checked.ok) return fail({ kind: 'webhook_url_not_allowed', refusal: checked.failure });
  const endpoint: WebhookEndpoint = {
    id: mintId('wh', deps.random),
    appId: app.id,
    url: checked.value,
    description,
    eventTypes,
    payload,
    createdAt: deps.now(),
    disabledAt: undefined,
    disabledReason: undefined,
    previousSecretUntil: undefined,
    failingSince: undefined,
  };
  const minted = mintWebhookSecret(deps);
  const audit = auditStatementFor(deps, by, {
    action: 'webhook.created',
    appId: app.id,
    subject: endpoint.id,
    detail: { url: originOf(endpoint.url) },
  });
  const added = await addEndpoint(
    deps.db,
    { ...endpoint, secretSealed: await sealWebhookSecret(deps, endpoint, minted) },
    { most: MAX_ENDPOINTS_PER_APP, now: deps.now() },
    [audit],
  );
  if (!added.ok) return added;
  return added.value ? ok({ endpoint, secret: minted }) : fail({ kind: 'too_many_webhooks' });
};

/** A path or query may contain a credential of the receiver, so the audit trail has the origin only. */
const originOf = (url: string): string => new URL(url).origin;

/** An app's endpoints, without their secrets. */
export const listWebhooks = (deps: Deps, { app }: ManagedApp): Promise<Result<WebhookEndpoint[], Failure>> =>
  endpointsOf(deps.db, app.id);

export const showWebhook = async (
  deps: Deps,
  { app }: ManagedApp,
  id: string,
): Promise<Result<WebhookEndpoint, Failure>> => {
  const found = await endpointsOf(deps.db, app.id);
  if (!found.ok) return found;
  const endpoint = found.value.find((one) => one.id === id);
  return endpoint === undefined ? fail(NO_ENDPOINT) : ok(endpoint);
};

/** The last attempts to deliver to an endpoint, newest first. */
export const listAttempts = async (
  deps: Deps,
  { app }: ManagedApp,
  id: string,
): Promise<Result<Attempt[], Failure>> => {
  const attempts = await attemptsOf(deps.db, { appId: app.id, id });
  if (!attempts.ok) return attempts;
  return attempts.value === undefined ? fail(NO_ENDPOINT) : ok(attempts.value.toReversed());
};

export type WebhookChange = {
  url?: string | undefined;
  eventTypes?: EventType[] | null | undefined;
  payload?: Payload | undefined;
  description?: string | undefined;
  disabled?: boolean | undefined;
};

/** Changes an endpoint. An endpoint that is enabled again gets what waited for it. */
export const updateWebhook = async (
  deps: Deps,
  { app, by }: ManagedApp,
  id: string,
  change: WebhookChange,
  ownHosts: readonly string[],
): Promise<Result<WebhookEndpoint, Failure>> => {
  const checked =
    change.url === undefined
      ? undefined
      : validateEndpointUrl(change.url, { allowLoopback: app.allowLoopback, ownHosts });
  if (checked?.ok === false) {
    return fail({ kind: 'webhook_url_not_allowed', refusal: checked.failure });
  }
  const { url: _, eventTypes, ...rest } = change;
  const detail = {
    ...(checked?.ok === true && { url: originOf(checked.value) }),
    ...(eventTypes !== undefined && { events: eventTypes }),
    ...Object.fromEntries(
      Object.entries(rest).filter(([name, value]) => value !== undefined && name !== 'description'),
    ),
  };
  const audit = auditStatementFor(deps, by, { action: 'webhook.changed', appId: app.id, subject: id, detail });
  const url = checked?.ok === true ? checked.value : undefined;
  const changed = await changeEndpoint(deps.db, { appId: app.id, id }, { ...change, url }, deps.now(), [audit]);
  if (!changed.ok) return changed;
  if (changed.value === undefined) return fail(NO_ENDPOINT);
  if (change.disabled !== undefined) await reviewDisabledAlarm(deps);
  return ok(changed.value);
};

/** Removes an endpoint and everything that waits for it. */
export const deleteWebhook = async (
  deps: Deps,
  { app, by }: ManagedApp,
  id: string,
): Promise<Result<void, Failure>> => {
  const audit = auditStatementFor(deps, by, { action: 'webhook.deleted', appId: app.id, subject: id });
  const removed = await removeEndpoint(deps.db, { appId: app.id, id }, [audit]);
  if (!removed.ok) return removed;
  if (!removed.value) return fail(NO_ENDPOINT);
  await reviewDisabledAlarm(deps);
  return ok(undefined);
};

/** Gives an endpoint a new secret. The previous one also signs for a day, so that the receiver can change over. */
export const rotateWebhookSecret = async (
  deps: Deps,
  { app, by }: ManagedApp,
  id: string,
): Promise<Result<{ endpoint: WebhookEndpoint; secret: Secret }, Failure>> => {
  const minted = mintWebhookSecret(deps);
  const audit = auditStatementFor(deps, by, { action: 'webhook.secret_rotated', appId: app.id, subject: id });
  const sealed = await sealWebhookSecret(deps, { appId: app.id, id }, minted);
  const rotated = { secret: { sealed, until: deps.now() + SECRET_OVERLAP_MS } };
  const changed = await changeEndpoint(deps.db, { appId: app.id, id }, rotated, deps.now(), [audit]);
  if (!changed.ok) return changed;
  return changed.value === undefined ? fail(NO_ENDPOINT) : ok({ endpoint: changed.value, secret: minted });
};

/** Sends one endpoint a `webhook.test`. Returns the event's id. */
export const testWebhook = async (
  deps: Deps,
  managed: ManagedApp,
  id: string,
): Promise<Result<{ eventId: string }, Failure>> => {
  const endpoint = await showWebhook(deps, managed, id);
  if (!endpoint.ok) return endpoint;
  if (endpoint.value.disabledAt !== undefined) return fail({ kind: 'webhook_disabled' });
  const event = newEvent(deps, {
    appId: managed.app.id,
    type: 'webhook.test',
    userId: asUserId('test'),
    detail: { endpointId: id },
  });
  const added = await addEvent(deps.db, event);
  return added.ok ? ok({ eventId: event.id }) : added;
};

/** Events to send again: a range of sequence numbers, or all whose last attempt failed since a time. */
export type ResendOptions = { from: number; to: number } | { failedSince: number };

/** Queues events for one endpoint again, if they are still stored. Returns how many. */
export const resendEvents = async (
  deps: Deps,
  managed: ManagedApp,
  id: string,
  which: ResendOptions,
): Promise<Result<{ queued: number }, Failure>> => {
  const endpoint = await showWebhook(deps, managed, id);
  if (!endpoint.ok) return endpoint;
  if (endpoint.value.disabledAt !== undefined) return fail({ kind: 'webhook_disabled' });
  const range = 'from' in which ? ok(which) : await failedSince(deps, managed, id, which.failedSince);
  if (!range.ok) return range;
  const queued = await queueAgain(deps.db, { appId: managed.app.id, id }, range.value, MAX_RESENT, deps.now());
  return queued.ok ? ok({ queued: queued.value }) : queued;
};

const failedSince = async (
  deps: Deps,
  managed: ManagedApp,
  id: string,
  since: number,
): Promise<Result<{ seqs: number[] }, Failure>> => {
  const attempts = await listAttempts(deps, managed, id);
  return attempts.ok ? ok({ seqs: failedEvents(attempts.value, since) }) : attempts;
};

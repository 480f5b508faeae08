import type { Read, Written } from './contract.ts';
import { type Answer, appPath, type Broker, type Query, send } from './send.ts';

/** Webhooks: managing endpoints with an access token, reading events back, and checking what an endpoint receives. */

/** Adds an endpoint. Only this answer contains its secret. */
export const createWebhook = (
  broker: Broker,
  appId: string,
  body: Written<'createWebhookRequest'>,
): Promise<Answer<Read<'createdWebhook'>>> => send(broker, 'POST', appPath(appId, 'webhooks'), { body });

export const listWebhooks = (broker: Broker, appId: string): Promise<Answer<Read<'webhookList'>>> =>
  send(broker, 'GET', appPath(appId, 'webhooks'));

export const getWebhook = (broker: Broker, appId: string, webhookId: string): Promise<Answer<Read<'webhook'>>> =>
  send(broker, 'GET', appPath(appId, 'webhooks', webhookId));

/** Changes an endpoint; absent settings stay. */
export const updateWebhook = (
  broker: Broker,
  appId: string,
  webhookId: string,
  body: Written<'updateWebhookRequest'>,
): Promise<Answer<Read<'webhook'>>> => send(broker, 'PATCH', appPath(appId, 'webhooks', webhookId), { body });

export const deleteWebhook = (broker: Broker, appId: string, webhookId: string): Promise<Answer<null>> =>
  send(broker, 'DELETE', appPath(appId, 'webhooks', webhookId));

/** Gives an endpoint a new secret. The one before it signs too for 24 hours. */
export const rotateWebhookSecret = (
  broker: Broker,
  appId: string,
  webhookId: string,
): Promise<Answer<Read<'createdWebhook'>>> =>
  send(broker, 'POST', appPath(appId, 'webhooks', webhookId, 'rotate-secret'));

/** Sends a `webhook.test` to one endpoint. */
export const testWebhook = (broker: Broker, appId: string, webhookId: string): Promise<Answer<Read<'webhookTest'>>> =>
  send(broker, 'POST', appPath(appId, 'webhooks', webhookId, 'test'));

/** The last 200 attempts, newest first. */
export const listWebhookAttempts = (
  broker: Broker,
  appId: string,
  webhookId: string,
): Promise<Answer<Read<'webhookAttemptList'>>> =>
  send(broker, 'GET', appPath(appId, 'webhooks', webhookId, 'attempts'));

/** Sends events again: a range of their `sequence`, or those whose last attempt failed since a moment. */
export const resendEvents = (
  broker: Broker,
  appId: string,
  webhookId: string,
  body: Written<'resendRequest'>,
): Promise<Answer<Read<'resent'>>> => send(broker, 'POST', appPath(appId, 'webhooks', webhookId, 'resend'), { body });

/** Events of the last seven days, after one of them. Also takes the app's key. */
export const listEvents = (
  broker: Broker,
  appId: string,
  query: Query & { after?: number; limit?: number } = {},
): Promise<Answer<Read<'eventsPage'>>> => send(broker, 'GET', appPath(appId, 'events'), { query });

type AnyEvent = Read<'event'>;
type DataOf<Type extends AnyEvent['type']> = Type extends 'measurements.changed'
  ? Required<Pick<AnyEvent['data'], 'groups' | 'changes'>>
  : Type extends 'connection.reauth_required'
    ? Required<Pick<AnyEvent['data'], 'reason'>>
    : unknown;

/** An event by its `type`: a `switch` on it knows what `data` holds. */
export type WebhookEvent = {
  [Type in AnyEvent['type']]: Omit<AnyEvent, 'type' | 'data'> & { type: Type; data: AnyEvent['data'] & DataOf<Type> };
}[AnyEvent['type']];

/** Why a request is not to be handled. `replayed` is one that was handled already: answer 200. */
export type WebhookRefusal = 'missing_headers' | 'too_old' | 'bad_signature' | 'not_an_event' | 'replayed';

export type VerifyOptions = {
  /** One or several: during a rotation, both. */
  secret: string | readonly string[];
  /**
   * Whether the event with this id was handled. Note an id after its event, not before: an event whose handling fails
   * comes again, and must not look handled. Without it, who has seen a request can send it again for five minutes.
   */
  isHandled?: (id: string) => boolean | Promise<boolean>;
  /** Unix milliseconds. By default the platform's clock. */
  now?: () => number;
};

const TOLERANCE_SECONDS = 5 * 60;

/**
 * Checks a request that an endpoint received, as Standard Webhooks 1.0.0 says, and reads the event.
 *
 * @param headers of the request: `Headers`, or an object with names in lower case
 * @param body as it came, before it is parsed: a parsed and printed one has another signature
 */
export const verifyWebhook = async (
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>,
  body: string,
  { secret, isHandled, now = Date.now }: VerifyOptions,
): Promise<{ ok: true; event: WebhookEvent } | { ok: false; refusal: WebhookRefusal }> => {
  const header = (name: string): string => {
    const value = headers instanceof Headers ? headers.get(name) : headers[name];
    return typeof value === 'string' ? value : '';
  };
  const [id, timestamp] = [header('webhook-id'), header('webhook-timestamp')];
  const signatures = header('webhook-signature')
    .split(' ')
    .filter((text) => text.startsWith('v1,'));
  if (id === '' || !/^\d{1,12}$/.test(timestamp) || signatures.length === 0) return refused('missing_headers');
  if (Math.abs(now() / 1_000 - Number(timestamp)) > TOLERANCE_SECONDS) return refused('too_old');
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  if (!(await isSignedByAny(typeof secret === 'string' ? [secret] : secret, signatures, signed))) {
    return refused('bad_signature');
  }
  const event = eventIn(body);
  if (event === undefined || event.id !== id) return refused('not_an_event');
  return (await isHandled?.(id)) === true ? refused('replayed') : { ok: true, event };
};

const refused = (refusal: WebhookRefusal) => ({ ok: false as const, refusal });

const isSignedByAny = async (
  secrets: readonly string[],
  signatures: readonly string[],
  signed: BufferSource,
): Promise<boolean> => {
  for (const secret of secrets) {
    const bytes = bytesOf(secret.replace(/^whsec_/, ''));
    if (bytes === undefined) continue;
    const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
    for (const signature of signatures) {
      const tag = bytesOf(signature.slice('v1,'.length));
      // The platform compares in constant time.
      if (tag !== undefined && (await crypto.subtle.verify('HMAC', key, tag, signed))) return true;
    }
  }
  return false;
};

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> | undefined => {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
};

const eventIn = (body: string): WebhookEvent | undefined => {
  try {
    const event = JSON.parse(body) as Partial<WebhookEvent> | null;
    return typeof event?.id === 'string' && typeof event.type === 'string' && typeof event.data === 'object'
      ? (event as WebhookEvent)
      : undefined;
  } catch {
    return undefined;
  }
};

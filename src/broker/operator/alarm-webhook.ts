import { webhookSignature } from '../../crypto/webhook-signature.ts';
import { type AlarmNotice, ALARMS } from '../../domain/alarm.ts';
import type { Secret } from '../../domain/secret.ts';
import { type EpochMs, SECOND_MS } from '../../domain/time.ts';

/** Sends one notice to the operator's webhook. Returns whether it was accepted. */
export type AlarmWebhook = (notice: AlarmNotice) => Promise<boolean>;

/** The URL for notices. It is often a credential itself. */
export type AlarmWebhookConfig = {
  url: Secret;
  /** Signs notices as Standard Webhooks defines; unsigned if absent. */
  signingSecret: Secret | undefined;
};

const TIMEOUT_MS = 5_000;

/**
 * Creates the sender. All attempts have the same id, so that a receiver recognizes a repetition. Redirects are not
 * followed: a notice goes only to the operator's URL. `text` is for chats, which show it.
 */
export const createAlarmWebhook =
  ({ url, signingSecret }: AlarmWebhookConfig, fetch: typeof globalThis.fetch, now: () => EpochMs): AlarmWebhook =>
  async (notice) => {
    const seconds = Math.floor(now() / SECOND_MS);
    const body = bodyOf(notice);
    const { id } = notice;
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      ...(signingSecret !== undefined && {
        'webhook-signature': await webhookSignature(signingSecret, { id, seconds, body }),
      }),
    };
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url.reveal(), { method: 'POST', headers, body, redirect: 'manual', signal });
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  };

const WORD = { raised: '', still_on: 'still on, ', over: 'over: ' } as const;

const bodyOf = ({ code, kind, at, since, reason }: AlarmNotice): string =>
  JSON.stringify({
    type: `alarm.${kind}`,
    timestamp: new Date(at).toISOString(),
    data: { code, since: new Date(since).toISOString(), reason },
    text: `Mushu Health, ${WORD[kind]}${code} (${reason}): ${ALARMS[code]}`,
  });

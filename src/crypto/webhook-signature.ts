import type { Secret } from '../domain/secret.ts';

/**
 * Signs a webhook by Standard Webhooks 1.0.0 (standardwebhooks.com): HMAC-SHA256 over id, time and body. The receiver
 * can check the sender, the content and the age.
 *
 * @param secret `whsec_` and the base64 of 24 to 64 random bytes
 * @param seconds Unix time of this attempt
 * @returns the value of `webhook-signature`
 */
export const webhookSignature = async (
  secret: Secret,
  { id, seconds, body }: { id: string; seconds: number; body: string },
): Promise<string> => {
  const bytes = Uint8Array.from(atob(secret.reveal().slice(WEBHOOK_SECRET_PREFIX.length)), (char) =>
    char.charCodeAt(0),
  );
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`${id}.${seconds}.${body}`));
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(signature)))}`;
};

const WEBHOOK_SECRET_PREFIX = 'whsec_';

export const isWebhookSecret = (text: string): boolean =>
  /^whsec_(?:[A-Za-z0-9+/]{4}){8,}(?:[A-Za-z0-9+/]{2}(?:==|[A-Za-z0-9+/]=))?$/.test(text);

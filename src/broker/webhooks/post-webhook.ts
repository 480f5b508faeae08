import { type EpochMs, SECOND_MS } from '../../domain/time.ts';
import { MAX_ANSWER_BYTES } from '../../domain/webhooks/limits.ts';

/** The result of one request to an endpoint. */
export type WebhookAnswer = {
  /** Undefined if there was no answer. */
  status: number | undefined;
  error: 'timeout' | 'unreachable' | undefined;
  /** The beginning of the body, if it was not a success. */
  answer: string | undefined;
  /** The pause that the receiver asked for (RFC 9110, 10.2.3). */
  retryAfterSeconds: number;
  ms: number;
};

/** Sends one signed body. Never throws: a failure of the receiver is a value. */
export type PostWebhook = (url: string, headers: Record<string, string>, body: string) => Promise<WebhookAnswer>;

/** A slower receiver gets the event again later. */
const TIMEOUT_MS = 15 * SECOND_MS;

/**
 * Creates the sender. Redirects are not followed, so that an event goes only to the URL that was checked (SSRF). Only
 * the stored part of an answer is read, so a large one costs nothing.
 */
export const createPostWebhook =
  (fetch: typeof globalThis.fetch, now: () => EpochMs): PostWebhook =>
  async (url, headers, body) => {
    const startedAt = now();
    const none = { status: undefined, answer: undefined, retryAfterSeconds: 0 };
    // `AbortSignal.timeout` cannot be cleared, and an isolate has a limit of timers.
    const late = new AbortController();
    const timer = setTimeout(() => {
      late.abort();
    }, TIMEOUT_MS);
    try {
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: late.signal });
      const ms = now() - startedAt;
      const answer = response.ok ? undefined : await beginningOf(response);
      await response.body?.cancel().catch(() => undefined);
      const retryAfterSeconds = secondsOf(response.headers.get('Retry-After'), now());
      return { status: response.status, error: undefined, answer, retryAfterSeconds, ms };
    } catch {
      return { ...none, error: late.signal.aborted ? 'timeout' : 'unreachable', ms: now() - startedAt };
    } finally {
      clearTimeout(timer);
    }
  };

const beginningOf = async (response: Response): Promise<string> => {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  try {
    while (bytes < MAX_ANSWER_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      text += decoder.decode(value.subarray(0, MAX_ANSWER_BYTES - bytes), { stream: true });
      bytes += value.byteLength;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
  return text;
};

const secondsOf = (header: string | null, now: EpochMs): number => {
  if (header === null) return 0;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - now) / SECOND_MS));
};

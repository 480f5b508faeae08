/** The sender of every call. It delivers a complete answer or a failure, and interprets nothing. */
import { fail, ok, type Outcome } from './outcome.ts';
import type { Secret } from './secret.ts';

/** An HTTP answer. The text is empty unless the status is 200: other bodies are never read. */
export type Answer = { httpStatus: number; text: string };

export type SendConfig = {
  /** `https://wbsapi.withings.net`, or the simulator. */
  apiBaseUrl: string;
  /** For the whole exchange, up to the last byte of the body. */
  timeoutMs: number;
  maxBodyBytes: number;
};

/** The fields of a request. Secrets are revealed only when it is sent. */
export type Form = Record<string, string | Secret>;

/** Posts a form to a path of the API host, with a bearer token if the call is about a user. */
export type Send = (path: string, form: Form, accessToken?: Secret) => Promise<Outcome<Answer>>;

/** The path below a base URL. The base may have a path itself and may end in a slash. */
export const urlBelow = (baseUrl: string, path: string): URL => new URL(`${baseUrl.replace(/\/+$/, '')}${path}`);

/**
 * Creates the sender. Failures: `timeout`, `network`, `body_too_large`. Redirects are not followed: a form with a
 * client secret goes only to the configured host.
 */
export const createSender =
  ({ apiBaseUrl, timeoutMs, maxBodyBytes }: SendConfig, fetch: typeof globalThis.fetch): Send =>
  async (path, form, accessToken) => {
    const url = urlBelow(apiBaseUrl, path);
    const signal = AbortSignal.timeout(timeoutMs);
    const exchange = async (): Promise<Outcome<Answer>> => {
      const response = await fetch(url, {
        method: 'POST',
        headers: accessToken === undefined ? {} : { authorization: `Bearer ${accessToken.reveal()}` },
        body: new URLSearchParams(revealed(form)),
        redirect: 'manual',
        signal,
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        return ok({ httpStatus: response.status, text: '' });
      }
      const text = await readText(response.body, maxBodyBytes);
      return text === undefined ? fail({ kind: 'body_too_large' }) : ok({ httpStatus: response.status, text });
    };
    try {
      return await Promise.race([exchange(), rejectionBy(signal)]);
    } catch {
      return fail({ kind: signal.aborted ? 'timeout' : 'network' });
    }
  };

const revealed = (form: Form): [string, string][] =>
  Object.entries(form).map(([name, value]) => [name, typeof value === 'string' ? value : value.reveal()]);

/** Rejects at the time limit. Not every runtime aborts a body after its headers have arrived. */
const rejectionBy = async (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('The time limit has passed.')), { once: true });
  });

/** Of one read, which on Workers is a call of the runtime. */
const READ_BYTES = 64 * 1024;

/** The body as UTF-8 text, or undefined if it exceeds the limit. It is a byte stream, as `fetch` gives. */
const readText = async (body: Response['body'], maxBodyBytes: number): Promise<string | undefined> => {
  if (body === null) return '';
  const reader = body.getReader({ mode: 'byob' });
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  // A read takes the buffer and gives it back with its part of the body.
  let buffer = new ArrayBuffer(READ_BYTES);
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(buffer));
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBodyBytes) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
    ({ buffer } = value);
  }
};

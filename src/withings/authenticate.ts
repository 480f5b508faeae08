/** Client authentication as a function value, so that the two methods are interchangeable. */
import { ok, type Outcome } from './outcome.ts';
import type { Secret } from './secret.ts';
import type { Form, Send } from './send.ts';
import { processNonceResponse } from './token.ts';
import { SIGNATURE_PATH } from './wire.ts';

export type ClientCredentials = { clientId: string; clientSecret: Secret };

/** The form fields that authenticate one call of this `action`. */
export type Authenticate = (action: string) => Promise<Outcome<Form>>;

/** The secret itself in the form. `requesttoken` accepts this and no Basic authentication. */
export const clientSecretPost =
  ({ clientId, clientSecret }: ClientCredentials): Authenticate =>
  async () =>
    ok({ client_id: clientId, client_secret: clientSecret });

/**
 * A signature over a fresh nonce. It takes one more call, but the secret is not sent. `revoke` accepts nothing else;
 * `requesttoken` accepts it too. Only action, client id and nonce are signed, not the other fields. A failure to get
 * the nonce is never in doubt: the call itself was not sent. Source: "Sign your requests" in the Withings developer
 * guide.
 */
export const signedNonce =
  ({ clientId, clientSecret }: ClientCredentials, send: Send, now: () => number): Authenticate =>
  async (action) => {
    const timestamp = String(Math.floor(now() / 1000));
    const request = { action: 'getnonce', client_id: clientId, timestamp };
    const answer = await send(SIGNATURE_PATH, { ...request, signature: await sign(request, clientSecret) });
    const nonce = answer.ok ? processNonceResponse(answer.value) : answer;
    if (!nonce.ok) return { ok: false, failure: { ...nonce.failure, inDoubt: false } };
    const signed = { action, client_id: clientId, nonce: nonce.value };
    return ok({ ...signed, signature: await sign(signed, clientSecret) });
  };

/**
 * The signature of these fields: HMAC-SHA256, keyed with the client secret, of their values in the order of their
 * names, joined with commas. It is lower-case hex.
 */
export const sign = async (fields: Record<string, string>, clientSecret: Secret): Promise<string> => {
  const message = Object.keys(fields)
    .sort()
    .map((name) => fields[name])
    .join(',');
  const utf8 = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', utf8.encode(clientSecret.reveal()), algorithm, false, ['sign']);
  const signature = await crypto.subtle.sign(algorithm.name, key, utf8.encode(message));
  return Array.from(new Uint8Array(signature), (byte) => byte.toString(16).padStart(2, '0')).join('');
};

/**
 * The signed form of a call (Withings guide "Sign your requests"): HMAC-SHA256 keyed with the client secret,
 * lower-case hex, over the values of the signed fields joined by commas in the order of their names.
 */
import { success, invalidParams, refusal, type Answer } from '../api/answer.ts';
import type { Call } from '../api/call.ts';
import { toHex } from '../random.ts';
import type { SimulatorState } from '../state.ts';

/** HMAC-SHA256 of `message`, as 64 lower-case hex characters. */
const sign = async (clientSecret: string, message: string): Promise<string> => {
  const encoder = new TextEncoder();
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(clientSecret), algorithm, false, ['sign']);
  return toHex(new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(message))));
};

/** Whether the call's `signature` is right for its client's secret; false as well when there is none. */
export const hasValidSignature = async (state: SimulatorState, call: Call): Promise<boolean> => {
  const client = state.clients.get(call.fields['client_id'] ?? '');
  const given = call.fields['signature'];
  if (client === undefined || given === undefined) return false;
  const last = call.action === 'getnonce' ? call.fields['timestamp'] : call.fields['nonce'];
  return given === (await sign(client.clientSecret, `${call.action},${client.clientId},${last ?? ''}`));
};

/** `action=getnonce`: `client_id`, `timestamp` (Unix seconds) and `signature` for a new nonce. */
export const getnonce = (state: SimulatorState, call: Call, signed: boolean): Answer => {
  const { client_id: clientId, timestamp } = call.fields;
  if (clientId === undefined) return missingClientId;
  if (timestamp === undefined || !/^\d{1,12}$/.test(timestamp)) return invalidParams('timestamp');
  if (!signed) return badSignature(state);
  const skewSeconds = Math.abs(state.clock.seconds() - Number(timestamp));
  if (skewSeconds > state.settings.timestampSkewSeconds) return invalidParams('timestamp');
  return success({ nonce: state.nonces.issue(clientId) });
};

export const missingClientId: Answer = refusal(503, 'Invalid_request: The client ID was not specified');

export const badSignature = (state: SimulatorState): Answer =>
  refusal(state.settings.badCredentialsStatus, 'Invalid Params: invalid signature');

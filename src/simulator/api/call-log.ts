import { toHex } from '../random.ts';
import type { Call } from './call.ts';

/** Older calls than these are forgotten, so that a simulator may run for days. */
const CALLS_KEPT = 10_000;

const secretFields = new Set([
  'access_token',
  'callbackurl',
  'client_secret',
  'code',
  'new_callbackurl',
  'nonce',
  'refresh_token',
  'signature',
  'state',
]);

/** A call that was received. Secrets are fingerprints, which can only be compared. */
type CallRecord = {
  number: number;
  atMs: number;
  method: string;
  path: string;
  action: string | null;
  params: Record<string, string>;
  /** Fingerprint of the access token. */
  token: string | null;
  clientId: string | null;
  /** Id of the person, if the call identifies one. */
  person: string | null;
  /** Withings status of the outcome; null if the call had none: a page, or a fault before it took effect. */
  status: number | null;
  httpStatus: number | null;
  fault: string | null;
};

type CallOutcome = Pick<CallRecord, 'clientId' | 'person' | 'status' | 'httpStatus' | 'fault'>;
type CallDescription = Pick<CallRecord, 'method' | 'path' | 'action' | 'params' | 'token'>;

export type Calls = {
  add: (atMs: number, description: CallDescription, outcome: CallOutcome) => void;
  list: () => CallRecord[];
  /** How many were received since the last `clear`, including forgotten ones. */
  count: () => number;
  clear: () => void;
};

/** `sha256:` and the first 16 hex digits: enough to compare, useless as a secret. */
const fingerprint = async (secret: string): Promise<string> => {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret));
  return `sha256:${toHex(new Uint8Array(digest)).slice(0, 16)}`;
};

/** The part of a call's record that is known before it is handled. */
export const describeCall = async (call: Call): Promise<CallDescription> => {
  const params = await Promise.all(
    Object.entries(call.fields).map(async ([name, value]) => [
      name,
      secretFields.has(name) ? await fingerprint(value) : value,
    ]),
  );
  return {
    method: call.method,
    path: call.path,
    action: call.action ?? null,
    params: Object.fromEntries(params),
    token: call.accessToken === undefined ? null : await fingerprint(call.accessToken),
  };
};

/** No calls yet. */
export const createCalls = (): Calls => {
  let records: CallRecord[] = [];
  let count = 0;
  return {
    add: (atMs, description, outcome) => {
      count += 1;
      records.push({ number: count, atMs, ...description, ...outcome });
      if (records.length > CALLS_KEPT) records.shift();
    },
    list: () => records,
    count: () => count,
    clear: () => {
      records = [];
      count = 0;
    },
  };
};

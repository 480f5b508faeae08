/** Failures that happen once: the next call that matches takes the fault, and then it is gone. */
import type { Answer } from './api/answer.ts';
import { envelope, invalidParams, jsonResponse, phpJson, refusal } from './api/answer.ts';
import type { Call } from './api/call.ts';
import type { Settings } from './settings.ts';

export const faultKinds = [
  /** The call takes effect, the answer never arrives: the connection breaks. */
  'lost_answer',
  /** The call takes effect at once, the answer arrives `delayMs` later. */
  'late_answer',
  'http_500',
  'http_503',
  /** Any Withings `status`, with `error` and, for a 601, `waitSeconds`. */
  'status',
  /** HTTP 200 with a web page instead of JSON. */
  'html',
  /** HTTP 200 with the first half of the JSON. */
  'cut_body',
  /** HTTP 200 with nothing. */
  'empty_body',
  /** Before a refresh is handled, another client rotates the pair and uses the new one: the sent token is rejected. */
  'rotated_elsewhere',
  /** A token request is rejected as if its code or refresh token were unknown, without effect. */
  'reject',
] as const;

type FaultKind = (typeof faultKinds)[number];

type FaultSpec = {
  kind: FaultKind;
  /** Which calls it is for; all when absent. */
  action?: string | undefined;
  grantType?: string | undefined;
  /** Id of the person whose calls it is for. */
  person?: string | undefined;
  /** For how many calls; 1. */
  times?: number | undefined;
  delayMs?: number | undefined;
  status?: number | undefined;
  error?: string | undefined;
  waitSeconds?: number | undefined;
  /** Whether the call takes effect before the failure. For `status`, `html`, `http_*`, `cut_body`, `empty_body`. */
  takesEffect?: boolean | undefined;
};

export type Fault = FaultSpec & { id: number; timesLeft: number };

export type Faults = {
  add: (spec: FaultSpec) => Fault;
  list: () => Fault[];
  clear: () => void;
  /** The first matching fault, used up by one. `personId` is the caller, if known. */
  take: (call: Call, personId: string | undefined) => Fault | undefined;
};

const matches = (fault: Fault, call: Call, personId: string | undefined): boolean => {
  const grantType = call.fields['grant_type'];
  if (fault.kind === 'rotated_elsewhere' && grantType !== 'refresh_token') return false;
  if (fault.kind === 'reject' && call.action !== 'requesttoken') return false;
  return (
    (fault.action === undefined || fault.action === call.action) &&
    (fault.grantType === undefined || fault.grantType === grantType) &&
    (fault.person === undefined || fault.person === personId)
  );
};

/** No faults yet. */
export const createFaults = (): Faults => {
  let faults: Fault[] = [];
  let lastId = 0;
  return {
    add: (spec) => {
      lastId += 1;
      const fault = { ...spec, id: lastId, timesLeft: spec.times ?? 1 };
      faults.push(fault);
      return fault;
    },
    list: () => faults,
    clear: () => {
      faults = [];
    },
    take: (call, personId) => {
      const fault = faults.find((candidate) => matches(candidate, call, personId));
      if (fault === undefined) return undefined;
      fault.timesLeft -= 1;
      faults = faults.filter(({ timesLeft }) => timesLeft > 0);
      return fault;
    },
  };
};

const withoutEffect: ReadonlySet<FaultKind> = new Set(['http_500', 'http_503', 'status', 'html']);

/** Whether a call with this fault still takes effect. */
export const takesEffect = (fault: Fault | undefined): boolean => {
  if (fault === undefined) return true;
  if (fault.kind === 'reject') return false;
  return fault.takesEffect ?? !withoutEffect.has(fault.kind);
};

/** The answer to a call that took no effect; null if no envelope is sent. */
export const answerInstead = (fault: Fault, call: Call): Answer | null => {
  if (fault.kind === 'reject') {
    return invalidParams(call.fields['grant_type'] === 'authorization_code' ? 'code' : 'refresh_token');
  }
  if (fault.kind !== 'status') return null;
  const answer = refusal(fault.status ?? 601, fault.error ?? 'An error occurred');
  return { ...answer, waitSeconds: fault.waitSeconds };
};

const connectionLost = new Error('the simulator dropped the connection');

/** Whether a rejection of the simulator's `fetch` stands for a connection that broke. */
export const isConnectionLost = (error: unknown): boolean =>
  error instanceof TypeError && error.cause === connectionLost;

const delay = async (ms: number, signal: AbortSignal): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = () => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  await promise;
};

const webPage = (httpStatus: number, title: string): Response =>
  new Response(`<!doctype html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`, {
    status: httpStatus,
    headers: { 'content-type': 'text/html; charset=UTF-8' },
  });

/**
 * Sends an answer, through the fault if there is one. Rejects with a TypeError, as `fetch` does, if the connection
 * breaks. If the caller gives up on a late answer, it rejects with the reason of `signal`.
 */
export const deliver = async (
  answer: Answer | null,
  fault: Fault | undefined,
  settings: Settings,
  signal: AbortSignal,
): Promise<Response> => {
  if (answer !== null && 'delayMs' in answer && answer.delayMs !== undefined) await delay(answer.delayMs, signal);
  const text = answer === null ? '' : phpJson(envelope(answer, settings));
  switch (fault?.kind) {
    case 'lost_answer':
      throw new TypeError('fetch failed', { cause: connectionLost });
    case 'late_answer':
      await delay(fault.delayMs ?? 0, signal);
      return jsonResponse(text);
    case 'http_500':
      return webPage(500, '500 Internal Server Error');
    case 'http_503':
      return webPage(503, '503 Service Unavailable');
    case 'html':
      return webPage(200, 'Withings is being maintained');
    case 'cut_body':
      return jsonResponse(text.slice(0, Math.floor(text.length / 2)));
    case 'empty_body':
      return jsonResponse('');
    default:
      return jsonResponse(text);
  }
};

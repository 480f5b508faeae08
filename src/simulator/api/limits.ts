import type { Clock } from '../clock.ts';
import type { Settings } from '../settings.ts';
/**
 * Status 601. Withings refuses identical arguments within 10 s, even if the first call failed, and more than 120 calls
 * of one client in a minute. Refused calls count too: only waiting helps.
 */
import { refusal, type Refusal } from './answer.ts';
import { argumentsOf, type Call } from './call.ts';

const WINDOW_MS = 60 * 1000;

type Caller = { clientId: string | undefined; userid: number | undefined };

export type Limits = {
  /** Counts the call; a refusal if there were too many or an equal one too soon. */
  judge: (call: Call, caller: Caller) => Refusal | null;
  /** The most calls that one client, or all together, made in any 60 s. */
  maxCallsPerMinute: () => number;
  reset: () => void;
};

/**
 * What must not be repeated: an equal token request; an equal data call of one Withings account, with any of its
 * tokens.
 */
const repeatKey = (call: Call, caller: Caller): string | null => {
  if (call.action === 'requesttoken') return `token?${argumentsOf(call)}`;
  return caller.userid === undefined ? null : `${caller.userid}:${call.path}:${call.action}?${argumentsOf(call)}`;
};

/** No calls counted yet. */
export const createLimits = (clock: Clock, settings: Settings): Limits => {
  const seen = new Map<string, number>();
  const windows = new Map<string, number[]>();
  let maxPerMinute = 0;

  const callsInWindow = (name: string): number => {
    const window = (windows.get(name) ?? []).filter((atMs) => Math.abs(clock.now() - atMs) < WINDOW_MS);
    window.push(clock.now());
    windows.set(name, window);
    return window.length;
  };

  // Oldest first, so what has expired stands in front.
  const forgetExpired = () => {
    for (const [key, atMs] of seen) {
      if (Math.abs(clock.now() - atMs) < settings.sameArgumentsSeconds * 1000) return;
      seen.delete(key);
    }
  };

  const tooSoon = (key: string): boolean => {
    forgetExpired();
    const repeated = seen.delete(key);
    seen.set(key, clock.now());
    return repeated;
  };

  return {
    judge: (call, caller) => {
      const total = callsInWindow('');
      const own = caller.clientId === undefined ? 0 : callsInWindow(`client ${caller.clientId}`);
      maxPerMinute = Math.max(maxPerMinute, total);
      const key = repeatKey(call, caller);
      const repeated = key !== null && tooSoon(key);
      // This text is not recorded anywhere; clients go by the status.
      if (own > settings.callsPerMinute) return refusal(601, 'Too many requests');
      if (!repeated) return null;
      const waitSeconds = settings.tellWaitSeconds ? settings.sameArgumentsSeconds : undefined;
      return { ...refusal(601, 'Same arguments in less than 10 seconds'), waitSeconds };
    },
    maxCallsPerMinute: () => maxPerMinute,
    reset: () => {
      maxPerMinute = 0;
    },
  };
};

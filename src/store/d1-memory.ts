import { type EpochMs, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import type { D1Trouble } from './d1-errors.ts';

/**
 * What an isolate remembers of D1's failures: an alarm about D1 cannot be kept in D1. Plain data, safe to share between requests.
 *
 * - `failing`: no round trip went well since.
 * - `refusing`: D1 answers, and refuses for a reason that lasts for hours.
 */
export type D1Memory = {
  failing?: Trouble | undefined;
  refusing?: Trouble | undefined;
};

type Trouble = { trouble: D1Trouble; since: EpochMs };

/** D1 loses its connections for moments, several times a day. What lasts for so long is none of these. */
const LASTING_MS = 20 * SECOND_MS;

/** Notes a round trip that went well. */
export const noteAnswer = (memory: D1Memory): void => {
  memory.failing = undefined;
};

/** Notes one that did not. What concerns one statement or one invocation only is left out. */
export const noteTrouble = (memory: D1Memory, trouble: D1Trouble, now: EpochMs): void => {
  if (trouble === 'used_up' || trouble === 'full') memory.refusing = { trouble, since: now };
  if (trouble === 'transient' || trouble === 'overloaded') memory.failing ??= { trouble, since: now };
};

/** What the operator should know about D1 now, if anything. */
export const lastingTrouble = ({ failing, refusing }: D1Memory, now: EpochMs): Trouble | undefined => {
  if (refusing !== undefined && now - refusing.since < MINUTE_MS) return refusing;
  return failing !== undefined && now - failing.since >= LASTING_MS ? failing : undefined;
};

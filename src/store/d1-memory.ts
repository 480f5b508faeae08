import { type EpochMs, MINUTE_MS, SECOND_MS } from '../domain/time.ts';
import type { D1Trouble } from './d1-errors.ts';

/**
 * An isolate's memory of D1 failures: an alarm about D1 cannot be stored in D1. Plain data, safe to share between
 * requests.
 *
 * - `failing`: no round trip has succeeded since.
 * - `refusing`: D1 answers, and refuses for a reason that lasts for hours.
 */
export type D1Memory = {
  failing?: Trouble | undefined;
  refusing?: Trouble | undefined;
};

type Trouble = { trouble: D1Trouble; since: EpochMs };

/** Several times a day D1 loses its connections for some seconds. A longer failure is an outage. */
const LASTING_MS = 20 * SECOND_MS;

/** Records a round trip that succeeded. */
export const recordAnswer = (memory: D1Memory): void => {
  memory.failing = undefined;
};

/** Records a failure, unless it concerns only one statement or one invocation. */
export const recordTrouble = (memory: D1Memory, trouble: D1Trouble, now: EpochMs): void => {
  if (trouble === 'used_up' || trouble === 'full') memory.refusing = { trouble, since: now };
  if (trouble === 'transient' || trouble === 'overloaded') memory.failing ??= { trouble, since: now };
};

/** A failure that the operator should know about, if there is one. */
export const lastingTrouble = ({ failing, refusing }: D1Memory, now: EpochMs): Trouble | undefined => {
  if (refusing !== undefined && now - refusing.since < MINUTE_MS) return refusing;
  return failing !== undefined && now - failing.since >= LASTING_MS ? failing : undefined;
};

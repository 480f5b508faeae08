import { DAY_MS } from '../time.ts';

/** How much an app's webhooks may be, and how much of them is remembered. */

export const MAX_ENDPOINTS_PER_APP = 5;
/** Attempts that are remembered for each endpoint. */
export const MAX_ATTEMPTS_KEPT = 200;
/** Bytes of a refused answer that are remembered. */
export const MAX_ANSWER_BYTES = 1_024;
/** Events that one call sends again. */
export const MAX_RESENT = 500;
/** For how long the secret before the current one signs too. */
export const SECRET_OVERLAP_MS = DAY_MS;
/** A larger body of a webhook has the number of groups, and where to read them. */
export const MAX_EVENT_BYTES = 32 * 1024;

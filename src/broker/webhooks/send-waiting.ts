import { type EpochMs, SECOND_MS } from '../../domain/time.ts';
import { type Attempt, isDelivered } from '../../domain/webhooks/endpoint.ts';
import { isForEndpoint, type StoredEvent } from '../../domain/webhooks/event.ts';
import { isGivenUp, MAX_ATTEMPTS, retryPauseMs } from '../../domain/webhooks/retry.ts';
import type { Waiting } from '../../store/webhooks/deliveries.ts';
import type { RunOutcome } from '../../store/webhooks/run-end.ts';
import { type Deps, uniform } from '../deps.ts';
import type { WebhookAnswer } from './post-webhook.ts';

/**
 * One run over the waiting events of an endpoint.
 *
 * 1. Events are sent in order. A refused event waits for its next attempt, and later events of the same user wait
 *    behind it. So each user's events arrive in order, and a refused event does not delay other users.
 * 2. Two refusals in a row mean that the receiver is down. The run ends, and new events stay where they are.
 * 3. A success means that it is up again: everything that waits is due at once.
 * 4. 410 (RFC 9110, 15.5.11) and five days without a success disable the endpoint.
 */

/** Sends one event. Returns the answer and the attempt to store. */
export type SendEvent = (event: StoredEvent) => Promise<WebhookAnswer>;

export type RunLimits = {
  maxSends: number;
  /** After this no further request is started. */
  until: EpochMs;
  /** Whether refused events are sent again, if they are due. */
  sendsRetries: boolean;
  /** Whether a first refusal is retried within the run, after a pause of seconds: the cron runs only every minute. */
  retriesAtOnce: boolean;
};

/** This many refused requests in a row mean that the receiver is down. */
export const DOWN_AFTER = 2;
const GONE = 410;
/** Longer than a run with its last request: what another run had read before an erasure has arrived by then. */
const LAST_WORD_MS = 40 * SECOND_MS;

type Run = {
  outcome: RunOutcome & {
    settled: { seq: number; nextAt: EpochMs }[];
    waiting: { seq: number; failures: number; nextAt: EpochMs }[];
    attempts: Attempt[];
  };
  /** When the first waiting event of each user may be sent. Later ones must not overtake it. */
  blocked: Map<string, EpochMs>;
  sends: number;
  refusedInARow: number;
  hasRecovered: boolean;
};

/** Sends what waits and may be sent now. */
export const sendWaiting = async (
  deps: Pick<Deps, 'now' | 'random' | 'sleep'>,
  { endpoint, retries, fresh }: Waiting,
  limits: RunLimits,
  send: SendEvent,
): Promise<RunOutcome> => {
  const run = newRun(endpoint);
  const skipped = await sendRetries(deps, run, retries, limits, send);
  const hasFreshLeft = await sendFresh(deps, run, { endpoint, fresh }, limits, send);
  return concluded(deps, run, skipped, hasFreshLeft);
};

const newRun = ({ deliveredSeq, failingSince, failures }: Waiting['endpoint']): Run => ({
  outcome: {
    deliveredSeq,
    settled: [],
    waiting: [],
    attempts: [],
    failingSince,
    failures,
    dueAt: undefined,
    disabled: undefined,
  },
  blocked: new Map(),
  sends: 0,
  refusedInARow: 0,
  hasRecovered: false,
});

const mayGoOn = (deps: Pick<Deps, 'now'>, run: Run, limits: RunLimits): boolean =>
  run.outcome.disabled === undefined &&
  run.refusedInARow < DOWN_AFTER &&
  run.sends < limits.maxSends &&
  deps.now() < limits.until;

/** Sends what was refused before, as far as it is due. Returns what was skipped, which blocks its user. */
const sendRetries = async (
  deps: Pick<Deps, 'now' | 'random' | 'sleep'>,
  run: Run,
  retries: Waiting['retries'],
  limits: RunLimits,
  send: SendEvent,
): Promise<Waiting['retries']> => {
  const skipped: Waiting['retries'] = [];
  for (const retry of retries) {
    const { event, nextAt } = retry;
    const { userId } = event;
    if (userId === undefined) run.outcome.settled.push({ seq: event.seq, nextAt });
    else if (
      run.blocked.has(userId) ||
      !limits.sendsRetries ||
      !mayGoOn(deps, run, limits) ||
      (nextAt > deps.now() && !run.hasRecovered) ||
      heldUntil(event) > deps.now()
    ) {
      skipped.push(retry);
      if (!run.blocked.has(userId)) run.blocked.set(userId, nextAt);
    } else if (await attempt(deps, run, { event, failures: retry.failures }, limits, send)) {
      run.outcome.settled.push({ seq: event.seq, nextAt });
    }
  }
  return skipped;
};

/** Sends new events, or lets them wait behind a blocked user's. Returns whether some are left. */
const sendFresh = async (
  deps: Pick<Deps, 'now' | 'random' | 'sleep'>,
  run: Run,
  { endpoint, fresh }: Pick<Waiting, 'endpoint' | 'fresh'>,
  limits: RunLimits,
  send: SendEvent,
): Promise<boolean> => {
  for (const event of fresh) {
    const { userId } = event;
    const blockedUntil = userId === undefined ? undefined : run.blocked.get(userId);
    if (userId === undefined || !isForEndpoint(event, endpoint)) {
      run.outcome.deliveredSeq = event.seq;
      continue;
    }
    const waitsUntil = Math.max(blockedUntil ?? 0, heldUntil(event));
    if (waitsUntil > 0 && (blockedUntil !== undefined || waitsUntil > deps.now())) {
      run.outcome.waiting.push({ seq: event.seq, failures: 0, nextAt: waitsUntil });
      if (blockedUntil === undefined) run.blocked.set(userId, waitsUntil);
    } else {
      if (!mayGoOn(deps, run, limits)) return true;
      await attempt(deps, run, { event, failures: 0 }, limits, send);
      if (run.outcome.disabled === 'gone') return false;
    }
    run.outcome.deliveredSeq = event.seq;
  }
  return false;
};

/** That a person was erased is the last word about them, so it waits for what is still being sent. */
const heldUntil = ({ type, at }: StoredEvent): EpochMs => (type === 'user.erased' ? at + LAST_WORD_MS : 0);

/** Sends one event and stores the result. Returns whether it is finished: delivered or given up. */
const attempt = async (
  deps: Pick<Deps, 'now' | 'random' | 'sleep'>,
  run: Run,
  { event, failures }: { event: StoredEvent; failures: number },
  limits: RunLimits,
  send: SendEvent,
): Promise<boolean> => {
  const { outcome } = run;
  const answer = await sendOnce(deps, run, event, send);
  if (isDelivered(answer)) {
    run.refusedInARow = 0;
    run.hasRecovered = true;
    Object.assign(outcome, { failures: 0, failingSince: undefined });
    return true;
  }
  outcome.failingSince ??= deps.now();
  if (answer.status === GONE) {
    outcome.disabled = 'gone';
    return false;
  }
  const pause = retryPauseMs(failures + 1, uniform(deps.random), answer.retryAfterSeconds);
  if (limits.retriesAtOnce && failures === 0 && pause < 10 * SECOND_MS && deps.now() + pause < limits.until) {
    await deps.sleep(pause);
    if (deps.now() < limits.until) return attempt(deps, run, { event, failures: 1 }, limits, send);
  }
  run.refusedInARow += 1;
  outcome.failures += 1;
  if (failures + 1 >= MAX_ATTEMPTS) return true;
  const nextAt = deps.now() + pause;
  outcome.waiting.push({ seq: event.seq, failures: failures + 1, nextAt });
  if (event.userId !== undefined) run.blocked.set(event.userId, nextAt);
  return false;
};

const sendOnce = async (
  deps: Pick<Deps, 'now'>,
  run: Run,
  event: StoredEvent,
  send: SendEvent,
): Promise<WebhookAnswer> => {
  run.sends += 1;
  const at = deps.now();
  const answer = await send(event);
  const { status, error, ms, answer: text } = answer;
  run.outcome.attempts.push({
    eventId: event.id,
    seq: event.seq,
    type: event.type,
    at,
    ms,
    ...(status !== undefined && { status }),
    ...(error !== undefined && { error }),
    ...(text !== undefined && { answer: text }),
  });
  return answer;
};

/** When the endpoint is due again, and whether it is disabled. */
const concluded = (
  deps: Pick<Deps, 'now'>,
  run: Run,
  skipped: readonly { event: StoredEvent; failures: number; nextAt: EpochMs }[],
  hasFreshLeft: boolean,
): RunOutcome => {
  const now = deps.now();
  const { outcome } = run;
  if (run.hasRecovered && outcome.failures === 0) {
    for (const { event, failures, nextAt } of skipped)
      if (nextAt > now) outcome.waiting.push({ seq: event.seq, failures, nextAt: now });
  }
  if (outcome.disabled === undefined && isGivenUp(outcome.failingSince, now)) outcome.disabled = 'failing';
  const times = [...run.blocked.values()];
  if (run.hasRecovered && skipped.length > 0) times.push(now);
  // While the receiver is down, new events wait for the next attempt of an older one.
  if (hasFreshLeft && (run.refusedInARow === 0 || times.length === 0)) times.push(now);
  return { ...outcome, dueAt: times.length === 0 ? undefined : Math.min(...times) };
};

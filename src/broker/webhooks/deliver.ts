import { hex, mintId } from '../../crypto/credential.ts';
import { webhookSignature } from '../../crypto/webhook-signature.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { HOUR_MS, SECOND_MS } from '../../domain/time.ts';
import { isDelivered } from '../../domain/webhooks/endpoint.ts';
import { isForEndpoint, type StoredEvent } from '../../domain/webhooks/event.ts';
import { type ExportedGroup, groupsNamed } from '../../store/metrics/export.ts';
import { idleEndpoints } from '../../store/webhooks/at-once.ts';
import { MAX_FRESH, type SendingEndpoint, takeSendLease, type Waiting } from '../../store/webhooks/deliveries.ts';
import { sweepEvents } from '../../store/webhooks/events.ts';
import { endpointsToSend } from '../../store/webhooks/queue.ts';
import { finishAtOnce, finishSending, type RunOutcome } from '../../store/webhooks/run-end.ts';
import type { Deps } from '../deps.ts';
import { recordObservations } from '../operator/alarms.ts';
import type { ChangedGroups } from './event-body.ts';
import { openSecrets } from './secrets.ts';
import { DOWN_AFTER, type RunLimits, sendWaiting } from './send-waiting.ts';

/**
 * Requests start for this long after the events were read. So a person who is erased in between hears of none later.
 */
const RUN_MS = 20 * SECOND_MS;
/** Longer than a run: its last request may take its time-out. */
const SEND_LEASE_MS = 60 * SECOND_MS;
/** Requests of one run. */
const MAX_SENDS = 15;
/** D1 calls of a run besides its requests: lease, groups, end, and an alarm. */
const RUN_CALLS = 5;
/** What the free plan allows an invocation that does little else. */
const CALLS_OF_REQUEST = 40;
/** How many endpoints one tick sends to in parallel: a slow one does not delay the others. */
const MAX_ENDPOINTS_A_TICK = 2;
/** In this many rounds an invocation also sends what others recorded while it was sending. */
const MAX_ROUNDS = 3;
/** An event that another invocation recorded so recently is still sent by it. */
const OTHERS_MS = 45 * SECOND_MS;

/**
 * Sends the events that this invocation recorded. Endpoints with failures are left to the cron. If this is stopped,
 * nothing is lost: the cron finds what was not stored as delivered.
 */
export const sendRecorded = async (deps: Deps, calls = CALLS_OF_REQUEST - deps.db.calls.made): Promise<void> => {
  const callsBefore = deps.db.calls.made;
  const recorded = [...deps.db.recorded];
  deps.db.recorded.clear();
  for (const [appId, firstSeq] of recorded) {
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const until = deps.now() + RUN_MS;
      const idle = await idleEndpoints(deps.db, appId, DOWN_AFTER - 1, deps.now());
      if (!idle.ok) return;
      const mine = idle.value.filter((waiting) => isMine(deps, waiting, firstSeq));
      if (mine.length === 0) break;
      const left = calls - (deps.db.calls.made - callsBefore);
      const maxSends = sendsFor(left, mine.length);
      if (maxSends < 1) return;
      const done = await Promise.all(mine.map((waiting) => sendAtOnce(deps, waiting, { maxSends, until })));
      if (!done.some(Boolean)) break;
    }
  }
};

/**
 * Whether the next event of an endpoint is this invocation's, or was left by another. A full list with nothing for the
 * endpoint is this invocation's too: it sends nothing, and the next list begins behind it.
 */
const isMine = (deps: Deps, { endpoint, fresh }: Waiting, firstSeq: number): boolean => {
  const first = fresh.find((event) => event.userId !== undefined && isForEndpoint(event, endpoint));
  if (first === undefined) return fresh.length === MAX_FRESH;
  return first.seq >= firstSeq || deps.now() - first.at > OTHERS_MS;
};

/** How many requests each of these runs may send, so that together they fit the remaining calls. */
const sendsFor = (calls: number, runs: number): number => Math.min(MAX_SENDS, Math.floor(calls / runs) - RUN_CALLS);

const sendAtOnce = async (
  deps: Deps,
  waiting: Waiting,
  limits: Pick<RunLimits, 'maxSends' | 'until'>,
): Promise<boolean> => {
  const outcome = await runOver(deps, waiting, { ...limits, sendsRetries: false, retriesAtOnce: true });
  if (!outcome.ok) return false;
  const finished = await finishAtOnce(deps.db, waiting.endpoint, outcome.value, deps.now());
  await report(deps, waiting.endpoint, outcome.value);
  return finished.ok && finished.value;
};

/** The cron's part: endpoints that are due, and events that no invocation has sent. */
export const sendDue = async (deps: Deps, calls: number): Promise<void> => {
  if (sendsFor(calls, MAX_ENDPOINTS_A_TICK) < 1) return;
  const drawn = mintId('app', deps.random);
  const found = await endpointsToSend(deps.db, drawn, MAX_ENDPOINTS_A_TICK, deps.now());
  if (!found.ok) return;
  const maxSends = sendsFor(calls, found.value.length);
  await Promise.all(found.value.map((which) => sendUnderLease(deps, which, maxSends)));
  await sweepEvents(deps.db, drawn, deps.now());
};

const sendUnderLease = async (deps: Deps, which: { appId: AppId; id: string }, maxSends: number): Promise<void> => {
  const until = deps.now() + RUN_MS;
  const lease = { id: hex(deps.random(16)), until: deps.now() + SEND_LEASE_MS };
  const taken = await takeSendLease(deps.db, which, lease, deps.now());
  if (!taken.ok || taken.value === undefined) return;
  const outcome = await runOver(deps, taken.value, { maxSends, until, sendsRetries: true, retriesAtOnce: false });
  if (!outcome.ok) return;
  await finishSending(deps.db, which, lease, outcome.value, deps.now());
  await report(deps, taken.value.endpoint, outcome.value);
};

const runOver = async (deps: Deps, waiting: Waiting, limits: RunLimits): Promise<Result<RunOutcome, Failure>> => {
  const { endpoint } = waiting;
  const secrets = await openSecrets(deps, endpoint);
  if (!secrets.ok) return ok(pausedFor(waiting, secrets.failure, deps.now()));
  const fresh = waiting.fresh.filter((event) => isForEndpoint(event, endpoint));
  const events = endpoint.payload === 'thin' ? [] : [...waiting.retries.map(({ event }) => event), ...fresh];
  const groups = await groupsOfEvents(deps, events);
  if (!groups.ok) return groups;
  const outcome = await sendWaiting(deps, waiting, limits, async (event) => {
    const body = deps.renderEvent(event, endpoint.payload, groups.value.get(event.seq));
    // Every request is counted: one count bounds D1 calls and requests of an invocation.
    deps.db.calls.made += 1;
    return deps.postWebhook(endpoint.url, await headersOf(deps, secrets.value, event, body), body);
  });
  return ok(outcome);
};

const headersOf = async (
  deps: Deps,
  secrets: readonly Secret[],
  { id }: StoredEvent,
  body: string,
): Promise<Record<string, string>> => {
  const seconds = Math.floor(deps.now() / SECOND_MS);
  const signatures = await Promise.all(secrets.map((key) => webhookSignature(key, { id, seconds, body })));
  return {
    'Content-Type': 'application/json',
    'User-Agent': 'Mushu-Health-Webhooks',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(' '),
  };
};

/** The current state of the groups that events name, in one round trip. */
export const groupsOfEvents = async (
  deps: Pick<Deps, 'db'>,
  events: readonly StoredEvent[],
): Promise<Result<Map<number, ChangedGroups>, Failure>> => {
  const named = events.flatMap(({ seq, connectionId, userId, detail }) =>
    connectionId === undefined || userId === undefined
      ? []
      : (detail.groupIds ?? []).map((groupId) => ({ seq, connectionId, groupId })),
  );
  const found = named.length === 0 ? ok([]) : await groupsNamed(deps.db, named);
  if (!found.ok) return found;
  const groups = new Map<number, ChangedGroups>();
  for (const [place, { seq, groupId }] of named.entries()) {
    const ofEvent = groups.get(seq) ?? new Map<number, ExportedGroup | undefined>();
    groups.set(seq, ofEvent.set(groupId, found.value[place]));
  }
  return ok(groups);
};

/** Without its secret an endpoint gets nothing. The operator may put a missing key back; a broken seal stays broken. */
const pausedFor = (
  { endpoint: { deliveredSeq, failingSince, failures } }: Waiting,
  { kind }: { kind: 'key_missing' | 'seal_broken' },
  now: number,
): RunOutcome => ({
  deliveredSeq,
  settled: [],
  waiting: [],
  attempts: [],
  failingSince,
  failures,
  dueAt: now + HOUR_MS,
  disabled: kind === 'seal_broken' ? 'failing' : undefined,
});

/** The line names the app. An alarm names none: it goes to whatever service the operator has. */
const report = async (deps: Deps, { appId }: SendingEndpoint, outcome: RunOutcome): Promise<void> => {
  const refused = outcome.attempts.filter((attempt) => !isDelivered(attempt)).length;
  const delivered = outcome.attempts.length - refused;
  if (delivered > 0) deps.log({ level: 'info', event: 'webhook', outcome: 'delivered', appId, count: delivered });
  if (refused > 0) deps.log({ level: 'warn', event: 'webhook', outcome: 'refused', appId, count: refused });
  if (outcome.disabled === undefined) return;
  deps.log({ level: 'warn', event: 'webhook', outcome: 'disabled', appId, reason: outcome.disabled });
  await recordObservations(deps, { webhook_endpoint_disabled: outcome.disabled });
};

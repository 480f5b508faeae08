import * as z from 'zod';

import { mintId } from '../../crypto/credential.ts';
import {
  type AlarmCode,
  type AlarmNotice,
  type AlarmState,
  delayed,
  evaluateAlarms,
  evaluateLag,
  recordTick,
  NO_ALARMS,
  type OpenAlarm,
  type QueuedNotice,
  type AlarmObservations,
} from '../../domain/alarm.ts';
import { parseStored } from '../../domain/stored-json.ts';
import { type EpochMs, MINUTE_MS } from '../../domain/time.ts';
import { brokerStateText, replaceBrokerState } from '../../store/operator/broker-state.ts';
import type { Deps } from '../deps.ts';

/** D1 calls of reconciling: one to store what changed, one to store what was delivered. */
export const ALARM_CALLS = 2;
/** How many notices one invocation sends: each may take seconds. */
const MAX_SENT = 3;
/**
 * How many notices wait for a webhook that does not answer. Beyond that the oldest are dropped. The log has all of
 * them.
 */
const MAX_QUEUED = 50;

/** Any text: a newer version may have alarms that this one does not know, and must not take them off. */
const alarmCode = z.custom<AlarmCode>((code) => typeof code === 'string');

/** The stored name of `notifiedAt` is `toldAt`, which earlier versions read and write too. */
const openAlarm = z.codec(
  z.looseObject({ since: z.number(), toldAt: z.number(), reason: z.string() }),
  z.custom<OpenAlarm>(),
  {
    decode: ({ toldAt, ...alarm }) => ({ ...alarm, notifiedAt: toldAt }),
    encode: ({ notifiedAt, ...alarm }) => ({ ...alarm, toldAt: notifiedAt }),
  },
);

const alarmState: z.ZodType<AlarmState> = z.looseObject({
  open: z.partialRecord(alarmCode, openAlarm),
  queue: z.array(
    z.looseObject({
      id: z.string(),
      code: alarmCode,
      kind: z.enum(['raised', 'still_on', 'over']),
      since: z.number(),
      reason: z.string(),
      at: z.number(),
      failures: z.number(),
      nextAt: z.number(),
    }),
  ),
  lag: z.looseObject({ at: z.number(), lagMs: z.number() }).optional(),
  tickAt: z.number().optional(),
});

/**
 * The stored state of the alarms. An unreadable one counts as none, so the notice of what is still on is sent once
 * more.
 */
export const alarmStateOf = (text: string | undefined): AlarmState => parseStored(alarmState, text) ?? NO_ALARMS;

const textOf = (state: AlarmState): string => JSON.stringify(z.encode(alarmState, state));

/**
 * Sends the operator a notice of each alarm that changed: a line in the log, and the webhook if there is one. The state
 * is stored by compare-and-set, and only the writer that wins sends. A notice that the webhook refuses stays queued for
 * a later tick. Without a change and a queue this costs nothing.
 *
 * @param text the stored state of the alarms, as it was read
 * @param seen what this invocation observed
 */
export const reconcileAlarms = async (deps: Deps, text: string | undefined, seen: AlarmObservations): Promise<void> => {
  const before = alarmStateOf(text);
  await reconcile(deps, text, before, { seen, lag: before.lag, tickAt: before.tickAt });
};

/** As `reconcileAlarms`, if the stored state was not read: one round trip more, for rare observations. */
export const recordObservations = async (deps: Deps, seen: AlarmObservations): Promise<void> => {
  const text = await brokerStateText(deps.db, 'alarms');
  if (text.ok) await reconcileAlarms(deps, text.value, seen);
};

/**
 * As `reconcileAlarms`, for a tick. It also records that the tick ran, and observes whether the backlog grows: `lagMs`
 * is how long the oldest due work has waited.
 */
export const reconcileAlarmsOfTick = async (
  deps: Deps,
  text: string | undefined,
  { lagMs, ...seen }: AlarmObservations & { lagMs: number },
): Promise<void> => {
  const before = alarmStateOf(text);
  const { mark: lag, growing } = evaluateLag(before.lag, lagMs, deps.now());
  const backlog = growing === undefined ? {} : { backlog_growing: growing && describeLag(lagMs) };
  const tickAt = recordTick(before.tickAt, deps.now());
  await reconcile(deps, text, before, { seen: { ...seen, ...backlog, cron_late: false }, lag, tickAt });
};

/** Describes for how long no tick has run. */
export const describeSilence = (tickAt: EpochMs, now: EpochMs): string =>
  `none came for ${Math.floor((now - tickAt) / MINUTE_MS)} minutes`;

/** Describes how long the oldest due work has waited. */
export const describeLag = (lagMs: number): string => `the oldest is ${Math.floor(lagMs / MINUTE_MS)} minutes late`;

const reconcile = async (
  deps: Deps,
  text: string | undefined,
  before: AlarmState,
  { seen, lag, tickAt }: { seen: AlarmObservations } & Pick<AlarmState, 'lag' | 'tickAt'>,
): Promise<void> => {
  const now = deps.now();
  const { repeatMs } = deps.settings.alarms;
  const judged = evaluateAlarms(before, seen, { now, repeatMs, newId: () => mintId('msg', deps.random) });
  const isNoted = lag?.at === before.lag?.at && tickAt === before.tickAt;
  if (judged.notices.length === 0 && isNoted) return deliver(deps, text, before);
  const queued = judged.notices.map((notice) => ({ ...notice, failures: 0, nextAt: now }));
  const queue = deps.alarmWebhook === undefined ? [] : [...before.queue, ...queued].slice(-MAX_QUEUED);
  const after: AlarmState = { open: judged.open, queue, lag, tickAt };
  const stored = textOf(after);
  const kept = await replaceBrokerState(deps.db, 'alarms', { before: text, after: stored }, now);
  // Another writer stored it first, and sends the notice.
  if (kept.ok && !kept.value) return;
  for (const notice of judged.notices) log(deps, notice);
  if (kept.ok) await deliver(deps, stored, after);
};

const log = (deps: Deps, { code, kind, reason }: AlarmNotice): void =>
  deps.log(
    kind === 'over'
      ? { level: 'info', event: 'alarm_over', outcome: code, reason }
      : { level: 'error', event: 'alarm', outcome: code, reason },
  );

/** Sends queued notices that are due, and stores which were accepted. */
const deliver = async (deps: Deps, text: string | undefined, state: AlarmState): Promise<void> => {
  const { alarmWebhook: send } = deps;
  const due = state.queue.filter(({ nextAt }) => nextAt <= deps.now()).slice(0, MAX_SENT);
  if (send === undefined || due.length === 0) return;
  const failed = new Map<string, QueuedNotice>();
  for (const notice of due) if (!(await send(notice))) failed.set(notice.id, delayed(notice, deps.now()));
  const queue = state.queue.flatMap((notice) => (due.includes(notice) ? (failed.get(notice.id) ?? []) : notice));
  if (failed.size > 0) {
    deps.log({ level: 'warn', event: 'tick', outcome: 'alarm_webhook_failed', count: failed.size });
  }
  await replaceBrokerState(deps.db, 'alarms', { before: text, after: textOf({ ...state, queue }) }, deps.now());
};

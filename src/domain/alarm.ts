import { type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

/**
 * The alarms. A notice is sent when one begins, again while it lasts, and when it ends. `docs/operating.md` says what
 * to do about each. Codes are added, never renamed: operators filter on them.
 */
export const ALARMS = {
  cron_late: 'No tick of the cron came for more than an hour, or none while refreshes were due for ten minutes.',
  backlog_growing: 'The cron runs, and what is due waits no shorter than a quarter of an hour ago.',
  reauth_spike: 'Many people lost their connection within an hour.',
  database_failing: 'D1 refuses, or does not answer. The reason is the kind of trouble.',
  database_full: 'D1 has its largest size and refuses: no user is served until it has room.',
  tokens_not_stored: 'Neither D1 nor KV took new tokens: their connection is lost if D1 stays out for 8 hours.',
  database_nearly_full: 'The database is nearly as large as it may become.',
  sealing_key_missing: 'Stored tokens need a key that the keyring lacks. Their connections pause.',
  webhook_endpoint_disabled:
    'An app’s webhook endpoint failed for five days, or answered 410, and gets nothing any more.',
  withings_client_rejected:
    "Withings refuses the broker's client id or secret. Nothing is refreshed until it accepts them.",
  notifications_refused: 'Withings cannot reach the callback of its notifications. Data comes by polling until it can.',
  withings_unreadable: 'Withings answers what the broker cannot read. Measurements are left out.',
} as const;

export type AlarmCode = keyof typeof ALARMS;

/** Alarms about the database are sent at once and not stored. No notice says that one is over. */
export type AlarmAtOnce = Extract<AlarmCode, 'database_failing' | 'database_full' | 'tokens_not_stored'>;
export type StoredAlarm = Exclude<AlarmCode, AlarmAtOnce>;

/** What was observed about each alarm: the reason why it is on, or false. An absent code was not checked. */
export type AlarmObservations = { [Code in AlarmCode]?: string | false };

export type OpenAlarm = { since: EpochMs; notifiedAt: EpochMs; reason: string };

/** A notice: an alarm began, lasts or is over. The reason contains only numbers and key ids. */
export type AlarmNotice = {
  id: string;
  code: AlarmCode;
  kind: 'raised' | 'still_on' | 'over';
  at: EpochMs;
  since: EpochMs;
  reason: string;
};

/** A notice in the webhook's queue: the number of failed attempts, and the time of the next one. */
export type QueuedNotice = AlarmNotice & { failures: number; nextAt: EpochMs };

/** The stored state of all alarms. */
export type AlarmState = {
  open: { [Code in AlarmCode]?: OpenAlarm };
  /** Oldest first. */
  queue: QueuedNotice[];
  /** The longest wait at the time when a tick last recorded that something was late. */
  lag?: { at: EpochMs; lagMs: number } | undefined;
  /** When a tick last recorded that it ran. */
  tickAt?: EpochMs | undefined;
};

export const NO_ALARMS: AlarmState = { open: {}, queue: [] };

/** If something is due for longer than this, several ticks did not handle it. */
export const LATE_MS = 10 * MINUTE_MS;
/** Within this time a backlog has to become shorter. */
const LAG_WINDOW_MS = 15 * MINUTE_MS;
/** An older mark is out of date: a tick that finds something late renews it after each window. */
const FRESH_MARK_MS = LAG_WINDOW_MS + LATE_MS;

/**
 * Compares the observations with the stored state. An active alarm is repeated only after `repeatMs`.
 *
 * @returns the alarms that are on now, and the notices to send
 */
export const evaluateAlarms = (
  before: Pick<AlarmState, 'open'>,
  seen: AlarmObservations,
  { now, repeatMs, newId }: { now: EpochMs; repeatMs: number; newId: () => string },
): { open: AlarmState['open']; notices: AlarmNotice[] } => {
  const open = { ...before.open };
  const notices: AlarmNotice[] = [];
  for (const [code, reason] of Object.entries(seen) as [AlarmCode, string | false][]) {
    const known = open[code];
    const notify = (kind: AlarmNotice['kind'], alarm: { since: EpochMs; reason: string }) =>
      notices.push({ id: newId(), code, kind, at: now, since: alarm.since, reason: alarm.reason });
    if (reason === false) {
      if (known !== undefined) notify('over', known);
      delete open[code];
    } else if (known === undefined || now - known.notifiedAt >= repeatMs) {
      const alarm = { since: known?.since ?? now, notifiedAt: now, reason };
      open[code] = alarm;
      notify(known === undefined ? 'raised' : 'still_on', alarm);
    }
  }
  return { open, notices };
};

/**
 * Whether a backlog grows. A tick compares the longest wait with that of a quarter of an hour earlier. It records a
 * mark only if something is late, and never removes one, so a tick with little to do writes nothing.
 */
export const evaluateLag = (
  mark: AlarmState['lag'],
  lagMs: number,
  now: EpochMs,
): { mark: AlarmState['lag']; growing: boolean | undefined } => {
  if (lagMs <= LATE_MS) return { mark, growing: false };
  const ageMs = mark === undefined ? Infinity : now - mark.at;
  if (mark === undefined || ageMs > FRESH_MARK_MS) return { mark: { at: now, lagMs }, growing: undefined };
  if (ageMs < LAG_WINDOW_MS) return { mark, growing: undefined };
  return { mark: { at: now, lagMs }, growing: lagMs >= mark.lagMs ? true : undefined };
};

/**
 * How often a tick records that it ran. Every minute would cost a row each; never would hide a dead cron while nothing
 * is due.
 */
const TICK_NOTE_MS = HOUR_MS;

/** The time to store as the last tick: unchanged until `TICK_NOTE_MS` has passed. */
export const recordTick = (tickAt: EpochMs | undefined, now: EpochMs): EpochMs =>
  tickAt === undefined || now - tickAt >= TICK_NOTE_MS ? now : tickAt;

/** Whether a running cron would have recorded a tick by now. A broker without any recorded tick is new. */
export const isCronSilent = ({ tickAt }: AlarmState, now: EpochMs): boolean =>
  tickAt !== undefined && now - tickAt > TICK_NOTE_MS + LATE_MS;

/** Whether the cron has stopped, as seen by a request: something is late, and no tick has left a recent mark. */
export const isCronLate = ({ lag: mark }: AlarmState, lagMs: number, now: EpochMs): boolean =>
  lagMs > LATE_MS && (mark === undefined || now - mark.at > FRESH_MARK_MS);

const FIRST_RETRY_MS = MINUTE_MS;
const LONGEST_RETRY_MS = 60 * MINUTE_MS;

/** The notice after a failed attempt: due again after a pause that doubles, at most an hour. */
export const delayed = (notice: QueuedNotice, now: EpochMs): QueuedNotice => ({
  ...notice,
  failures: notice.failures + 1,
  nextAt: now + Math.min(FIRST_RETRY_MS * 2 ** notice.failures, LONGEST_RETRY_MS),
});

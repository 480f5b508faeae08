import { type EpochMs, HOUR_MS, MINUTE_MS } from './time.ts';

/**
 * What an operator is told of without asking: when it begins, again while it lasts, and when it is over. What to do about each is in
 * `docs/operating.md`. Codes are added, never renamed: alerts are set on them.
 */
export const ALARMS = {
  cron_late: 'No tick of the cron came for more than an hour, or none while refreshes were due for ten minutes.',
  backlog_growing: 'The cron runs, and what is due waits no shorter than a quarter of an hour ago.',
  reauth_spike: 'Many people lost their connection within an hour.',
  database_nearly_full: 'The database is nearly as large as it may become.',
  sealing_key_missing: 'Stored tokens need a key that the keyring lacks. Their connections pause.',
  withings_client_rejected: "Withings refuses the broker's client id or secret. Nothing is refreshed meanwhile.",
  withings_unreadable: 'Withings answers what the broker cannot read. Measurements are left out.',
} as const;

export type AlarmCode = keyof typeof ALARMS;

/** What a look at the broker says of an alarm: the reason why it is on, or false. One that was not looked at is left out. */
export type AlarmObservations = { [Code in AlarmCode]?: string | false };

export type OpenAlarm = { since: EpochMs; toldAt: EpochMs; reason: string };

/** What is told: an alarm began, lasts, or is over. The reason names numbers and key ids, never a person. */
export type AlarmNotice = {
  id: string;
  code: AlarmCode;
  kind: 'raised' | 'still_on' | 'over';
  at: EpochMs;
  since: EpochMs;
  reason: string;
};

/** A notice on its way to the operator's webhook: which attempt failed last, and when the next one is due. */
export type QueuedNotice = AlarmNotice & { failures: number; nextAt: EpochMs };

/** What the broker remembers about its alarms. */
export type AlarmState = {
  open: { [Code in AlarmCode]?: OpenAlarm };
  /** Oldest first. */
  queue: QueuedNotice[];
  /** How long the longest wait was when a tick last noted that something was late. */
  lag?: { at: EpochMs; lagMs: number } | undefined;
  /** When a tick last noted that it came. */
  tickAt?: EpochMs | undefined;
};

export const NO_ALARMS: AlarmState = { open: {}, queue: [] };

/** Something due for longer than this was passed over by several ticks. */
export const LATE_MS = 10 * MINUTE_MS;
/** Over this long a backlog has to become shorter. */
const LAG_WINDOW_MS = 15 * MINUTE_MS;
/** A mark that is older says nothing of now: a tick that finds something late renews it after a window. */
const FRESH_MARK_MS = LAG_WINDOW_MS + LATE_MS;

/**
 * Compares what was seen with what is known: who was told already is told again only after `repeatMs`.
 *
 * @returns the alarms that are on from now, and what is to be told
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
    const tell = (kind: AlarmNotice['kind'], alarm: { since: EpochMs; reason: string }) =>
      notices.push({ id: newId(), code, kind, at: now, since: alarm.since, reason: alarm.reason });
    if (reason === false) {
      if (known !== undefined) tell('over', known);
      delete open[code];
    } else if (known === undefined || now - known.toldAt >= repeatMs) {
      const alarm = { since: known?.since ?? now, toldAt: now, reason };
      open[code] = alarm;
      tell(known === undefined ? 'raised' : 'still_on', alarm);
    }
  }
  return { open, notices };
};

/**
 * Whether a backlog grows, judged by a tick: what waits longest is looked at again after a quarter of an hour, and has to wait shorter then.
 * A mark is left only while something is late, and an old one stays, so that a tick with little to do writes nothing.
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

/** A tick notes that it came this often: every minute would be a row a minute, never would leave a dead cron unseen while nothing is due. */
const TICK_NOTE_MS = HOUR_MS;

/** When a tick last noted that it came, judged by one that comes now. */
export const noteTick = (tickAt: EpochMs | undefined, now: EpochMs): EpochMs =>
  tickAt === undefined || now - tickAt >= TICK_NOTE_MS ? now : tickAt;

/** Whether ticks that came would have noted it by now. A broker that was never ticked is a new one. */
export const isCronSilent = ({ tickAt }: AlarmState, now: EpochMs): boolean =>
  tickAt !== undefined && now - tickAt > TICK_NOTE_MS + LATE_MS;

/** Whether the cron has stopped, judged by a request: something is late, and no tick has left a mark of it lately. */
export const isCronLate = ({ lag: mark }: AlarmState, lagMs: number, now: EpochMs): boolean =>
  lagMs > LATE_MS && (mark === undefined || now - mark.at > FRESH_MARK_MS);

const FIRST_RETRY_MS = MINUTE_MS;
const LONGEST_RETRY_MS = 60 * MINUTE_MS;

/** The notice after an attempt that failed: due again after a pause that doubles, an hour at most. */
export const delayed = (notice: QueuedNotice, now: EpochMs): QueuedNotice => ({
  ...notice,
  failures: notice.failures + 1,
  nextAt: now + Math.min(FIRST_RETRY_MS * 2 ** notice.failures, LONGEST_RETRY_MS),
});

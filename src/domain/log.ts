/**
 * One line of the log. Only these fields exist, so that nothing else can be written: no user id, no URL, no header, no body, no token.
 * Whoever reads the log is assumed to be a stranger.
 */
export type LogEntry = {
  level: 'info' | 'warn' | 'error';
  event: 'request' | 'link' | 'refresh' | 'sync' | 'tick' | 'erasure' | 'alarm' | 'alarm_over' | 'rate_limit' | 'bug';
  /** Of the request that the line came from, or of the cron's tick. */
  requestId?: string;
  method?: string;
  /** The route's pattern, never the path: a path holds a user id. */
  route?: string;
  status?: number;
  /** A stable word: a problem's code, an outcome, a failure's kind. */
  outcome?: string;
  reason?: string;
  durationMs?: number;
  appId?: string;
  /** A keyed hash of app and user: the same person is the same word, and nobody can tell who. */
  userHash?: string;
  count?: number;
  /** What a sync could not read: groups, single measures, stretches of time. */
  skipped?: number;
};

export type Log = (entry: LogEntry) => void;

/**
 * A line as a data point of Analytics Engine, whose columns have numbers instead of names: blobs 1 to 7 are event, outcome, reason, level,
 * method, route and app; doubles 1 to 3 are count (1 where a line has none), status and milliseconds. No person is in it, hashed or not.
 */
export const dataPointOf = (entry: LogEntry) => ({
  indexes: [entry.event],
  blobs: [
    entry.event,
    entry.outcome ?? '',
    entry.reason ?? '',
    entry.level,
    entry.method ?? '',
    entry.route ?? '',
    entry.appId ?? '',
  ],
  doubles: [entry.count ?? 1, entry.status ?? 0, entry.durationMs ?? 0],
});

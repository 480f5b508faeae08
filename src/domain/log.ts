import type { AppId } from './app-id.ts';

/**
 * One line of the log. No other field exists, so no user id, URL, header, body or token can be written. A stranger may
 * read the log.
 */
export type LogEntry = {
  level: 'info' | 'warn' | 'error';
  event:
    | 'request'
    | 'link'
    | 'refresh'
    | 'sync'
    | 'tick'
    | 'erasure'
    | 'webhook'
    | 'push'
    | 'subscription'
    | 'alarm'
    | 'alarm_over'
    | 'rate_limit'
    | 'front'
    | 'bug';
  /** Of the request that the line came from, or of the cron's tick. */
  requestId?: string;
  method?: string;
  /** The route's pattern, never the path: a path holds a user id. */
  route?: string;
  status?: number;
  /** A stable word: an error code, an outcome, a failure's kind. */
  outcome?: string;
  reason?: string;
  durationMs?: number;
  appId?: AppId;
  /** A keyed hash of app and user: stable per user, and not reversible without the key. */
  userHash?: string;
  count?: number;
  /** What a sync could not read: groups, single measures, stretches of time. */
  skipped?: number;
};

export type Log = (entry: LogEntry) => void;

/**
 * A line as a data point of Analytics Engine, whose columns have numbers instead of names. Blobs 1 to 7 are event,
 * outcome, reason, level, method, route and app. Doubles 1 to 3 are count (1 if a line has none), status and
 * milliseconds. It contains no user, not even hashed.
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

/**
 * One line of the log. Only these fields exist, so that nothing else can be written: no user id, no URL, no header, no body, no token.
 * Whoever reads the log is assumed to be a stranger.
 */
export type LogEntry = {
  level: 'info' | 'warn' | 'error';
  event: 'request' | 'link' | 'refresh' | 'sync' | 'tick' | 'erasure' | 'alarm' | 'bug';
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
};

export type Log = (entry: LogEntry) => void;

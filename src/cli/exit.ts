/** Exit codes. They are stable, so scripts can rely on them. `mushu --help` lists them. */
export const EXIT = {
  ok: 0,
  /** The broker refused, or a check failed. */
  refused: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The token is missing, invalid or not allowed to do this. */
  notAllowed: 3,
  notFound: 4,
  /** No broker answered at the URL, or one of an unknown version. */
  unreachable: 5,
  /** Try later: too many requests, or Withings or the database did not answer. */
  tryLater: 6,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An expected failure: the message, what to do about it, and the exit code. */
export type CliFailure = Error & { exitCode: ExitCode; remedy: string | undefined };

export const cliFailure = (exitCode: ExitCode, message: string, remedy?: string): CliFailure =>
  Object.assign(new Error(message), { exitCode, remedy });

export const isCliFailure = (error: unknown): error is CliFailure => error instanceof Error && 'exitCode' in error;

export const exitCodeOf = (status: number): ExitCode => {
  if (status === 401 || status === 403) return EXIT.notAllowed;
  if (status === 404) return EXIT.notFound;
  return status === 429 || status >= 500 ? EXIT.tryLater : EXIT.refused;
};

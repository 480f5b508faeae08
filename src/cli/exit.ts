/** Exit codes: stable, so that scripts may decide by them. `mushu --help` and docs list them. */
export const EXIT = {
  ok: 0,
  /** The broker refused, or a check failed. */
  refused: 1,
  /** The command line is wrong. */
  usage: 2,
  /** No token, or one that is not accepted or may not do this. */
  notAllowed: 3,
  /** There is no such thing. */
  notFound: 4,
  /** No broker could be reached at the URL, or what answered is none that this version knows. */
  unreachable: 5,
  /** It may work later: too many requests, or Withings or the database did not answer. */
  tryLater: 6,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An end that is no bug: what to tell the person, and how to exit. */
export type CliFailure = Error & { exitCode: ExitCode };

export const cliFailure = (exitCode: ExitCode, message: string): CliFailure =>
  Object.assign(new Error(message), { exitCode });

export const isCliFailure = (error: unknown): error is CliFailure => error instanceof Error && 'exitCode' in error;

/** The exit code for an answer's status. */
export const exitCodeOf = (status: number): ExitCode => {
  if (status === 401 || status === 403) return EXIT.notAllowed;
  if (status === 404) return EXIT.notFound;
  return status === 429 || status >= 500 ? EXIT.tryLater : EXIT.refused;
};

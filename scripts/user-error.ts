/** A failure to print as a sentence, not as a stack trace: something is taken, missing or mistyped. */
export type UserError = Error & { explained: true };

/** An error whose message is meant for the person at the terminal. */
export const userError = (message: string): UserError =>
  Object.assign(new Error(message), { explained: true as const });

/** The text to print about an error: the sentence, or everything for a bug. */
export const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);

  return 'explained' in error ? error.message : (error.stack ?? error.message);
};

/** Runs a script. Its failure is printed and sets the exit code. */
export const runMain = (main: () => Promise<void>): void => {
  main().catch((error: unknown) => {
    console.error(describeError(error));
    process.exitCode = 1;
  });
};

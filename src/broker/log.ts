import { hashUser } from '../crypto/user-hash.ts';
import type { Failure } from '../domain/failure.ts';
import type { LogEntry } from '../domain/log.ts';
import type { Deps } from './deps.ts';

/** The same dependencies with a log whose every line carries the id of the request or tick that it came from. */
export const withLogId = (deps: Deps, requestId: string): Deps => ({
  ...deps,
  log: (entry) => deps.log({ ...entry, requestId }),
});

/** Whom a line is about. */
export type LogSubject = { appId: string; userId: string | undefined };

/** Logs what concerns one user of an app, under the user's hash; without one if the user is unknown. */
export const logAbout = async (
  deps: Pick<Deps, 'keyring' | 'log'>,
  { appId, userId }: LogSubject,
  entry: Omit<LogEntry, 'appId' | 'userHash' | 'requestId'>,
): Promise<void> => {
  const userHash = userId === undefined ? undefined : await hashUser(deps.keyring, appId, userId);
  deps.log({ ...entry, appId, ...(userHash !== undefined && { userHash }) });
};

/** The word for a failure in a line: what Withings did, where it was Withings; what D1 has run out of, if it has. */
export const reasonOf = (failure: Failure): string => {
  if (failure.kind === 'withings_unavailable') return failure.cause;
  if (failure.kind !== 'storage_unavailable') return failure.kind;
  const { trouble = 'transient' } = failure;
  return trouble === 'transient' ? failure.kind : `d1_${trouble}`;
};

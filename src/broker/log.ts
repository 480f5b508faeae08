import { hashUser } from '../crypto/user-hash.ts';
import type { AppId } from '../domain/app-id.ts';
import type { Failure } from '../domain/failure.ts';
import type { LogEntry } from '../domain/log.ts';
import type { UserId } from '../domain/user-id.ts';
import type { Deps } from './deps.ts';

/** The same dependencies, with a log that adds the id of the request or tick to every line. */
export const withLogId = (deps: Deps, requestId: string): Deps => ({
  ...deps,
  log: (entry) => deps.log({ ...entry, requestId }),
});

/** The user that a line is about. */
export type LogSubject = { appId: AppId; userId: UserId | undefined };

/** Logs an event of one user of an app, with a hash of the user's id; without it if the user is unknown. */
export const logAbout = async (
  deps: Pick<Deps, 'keyring' | 'log'>,
  { appId, userId }: LogSubject,
  entry: Omit<LogEntry, 'appId' | 'userHash' | 'requestId'>,
): Promise<void> => {
  const userHash = userId === undefined ? undefined : await hashUser(deps.keyring, appId, userId);
  deps.log({ ...entry, appId, ...(userHash !== undefined && { userHash }) });
};

/** The reason of a failure in a line: what Withings did, or which limit of D1 is used up. */
export const reasonOf = (failure: Failure): string => {
  if (failure.kind === 'withings_unavailable') return failure.cause;
  if (failure.kind !== 'storage_unavailable') return failure.kind;
  const { trouble = 'transient' } = failure;
  return trouble === 'transient' ? failure.kind : `d1_${trouble}`;
};

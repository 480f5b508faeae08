import type { EpochMs } from './time.ts';

/** API keys of an app and access tokens of an account: so many are valid at a time, so that a page lists them all. */
export const MAX_VALID_CREDENTIALS = 100;

/** Where a list of them goes on: valid ones come first, each part newest first. */
export type CredentialPlace = { isOver: boolean; createdAt: EpochMs; id: string };

/** A page of them, and where the next one begins. */
export type CredentialPage<Credential> = { credentials: Credential[]; next: CredentialPlace | undefined };

/** The page of what was read, which is one more than a page holds if there is more. */
export const credentialPage = <Credential extends { id: string; createdAt: EpochMs }>(
  read: readonly Credential[],
  isOver: (credential: Credential) => boolean,
): CredentialPage<Credential> => {
  const credentials = read.slice(0, MAX_VALID_CREDENTIALS);
  const last = credentials.at(-1);
  const next = read.length > credentials.length ? last : undefined;
  return { credentials, next: next && { isOver: isOver(next), createdAt: next.createdAt, id: next.id } };
};

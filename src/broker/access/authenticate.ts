import type { AppId } from '../../domain/app-id.ts';
import type { Purpose } from '../../domain/app.ts';
import { type Actor, type Minter, OPERATOR } from '../../domain/audit.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { UserId } from '../../domain/user-id.ts';
import type { CurrentConnection } from '../../store/access/key-lookup.ts';
import type { Reader } from '../../store/metrics/read.ts';
import type { Deps } from '../deps.ts';
import { type AppCredential, callerOf, type TakenLimit, type Wanted } from './caller.ts';

/** What a person has a right to. It needs no connection, and a disabled app does not stop it. */
export type PersonRequest = { appId: AppId; userId: UserId; by: Actor };

/** An admitted request: its app and user, the caller, and the user's current connection. */
export type AuthorizedRequest = PersonRequest & {
  connection: CurrentConnection | undefined;
  /** The rate limits that the request was counted in. */
  limits: readonly TakenLimit[];
};

/** This many rows that a request reads count as one more request. */
const ROWS_PER_REQUEST = 1_000;

/**
 * Counts the rows that a request has read in its rate limits: D1 bills rows, and a summary may read 20,000 while a
 * status reads four. The request itself is answered; later ones wait.
 */
export const chargeRead = async (
  deps: Deps,
  { limits }: Pick<AuthorizedRequest, 'limits'>,
  rows: number,
): Promise<void> => {
  const requests = Array.from({ length: Math.floor(rows / ROWS_PER_REQUEST) });
  await Promise.all(requests.flatMap(() => limits.map(({ name, key }) => deps.mayPass(name, key))));
};

/**
 * Admits a request about one user of an app: by the app's key, or by an access token of a manager of the app. If
 * `userTokens` are accepted, that user's token admits too. One round trip, which also reads the connection; none for a
 * malformed key.
 *
 * A key of another app gets the same answer as an app that does not exist.
 */
export const admitForUser = (deps: Deps, credential: AppCredential, wanted: Wanted) =>
  admit(deps, credential, { ...wanted, purpose: 'flow' });

/**
 * As `admitForUser`, and reads something of the user's body data in the same round trip, only if the request is
 * admitted. `data` is undefined if it has to be read apart.
 */
export const admitToRead = <Data>(
  deps: Deps,
  credential: AppCredential,
  wanted: Wanted,
  reader: Reader<Data> | undefined,
) => admit(deps, credential, { ...wanted, purpose: 'flow' }, reader);

/** As `admitForUser`, for what a person has a right to: their export, their erasure, the end of their connection. */
export const admitForPerson = async (
  deps: Deps,
  credential: AppCredential,
  wanted: Wanted,
): Promise<Result<PersonRequest, Failure>> => {
  const admitted = await admit(deps, credential, { ...wanted, purpose: 'personal_right' });
  if (!admitted.ok) return admitted;
  const { appId, userId, by } = admitted.value;
  return ok({ appId, userId, by });
};

/** The reference, in a signed token, to the credential that it is minted with. */
export const minterOf = ({ id, tokenId }: Actor): Minter => {
  if (tokenId !== undefined) return { acc: id, tok: tokenId };
  return id === OPERATOR ? {} : { key: id };
};

const admit = async <Data = never>(
  deps: Deps,
  credential: AppCredential,
  wanted: Wanted & { purpose: Purpose },
  reader?: Reader<Data>,
): Promise<Result<AuthorizedRequest & { data: Data | undefined }, Failure>> => {
  const { appId, userId } = wanted;
  const caller = await callerOf(deps, credential, wanted, reader);
  if (!caller.ok) return caller;
  const { isAppRefused, ...admitted } = caller.value;
  return isAppRefused ? fail({ kind: 'app_disabled' }) : ok({ appId, userId, ...admitted });
};

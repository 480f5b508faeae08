import {
  admitForPerson,
  admitForUser,
  admitToRead,
  type AuthorizedRequest,
} from '../../../broker/access/authenticate.ts';
import type { AppCredential, Reader } from '../../../broker/access/caller.ts';
import type { Deps } from '../../../broker/deps.ts';
import type { AppId } from '../../../domain/app-id.ts';
import type { KeyScope } from '../../../domain/app.ts';
import type { Failure } from '../../../domain/failure.ts';
import { fail, type Result } from '../../../domain/result.ts';
import { NO_USER, parseUserId, type UserId } from '../../../domain/user-id.ts';
import type { HttpContext } from '../../context.ts';
import { admission, type Admitting, appIdOf } from './admission.ts';
import { appCredential } from './credentials.ts';

export type ForUser = Admitting<'user', AuthorizedRequest>;

type Wanted = { appId: AppId; userId: UserId; scope: KeyScope; userTokens: boolean };

/** Admits to the user that the path names. What is no user id is said only to who was admitted. */
const toUser = async <Admitted>(
  c: HttpContext,
  taken: Pick<Wanted, 'scope' | 'userTokens'>,
  admit: (deps: Deps, credential: AppCredential, wanted: Wanted) => Promise<Result<Admitted, Failure>>,
): Promise<Result<Admitted, Failure>> => {
  const named = parseUserId(c.req.param('user_id') ?? '');
  const userId = named.ok ? named.value : NO_USER;
  const admitted = await admit(c.get('deps'), appCredential(c), { appId: appIdOf(c), userId, ...taken });
  if (named.ok || !admitted.ok) return admitted;
  return fail({ kind: 'invalid_parameter', parameter: 'user_id', detail: named.failure.detail });
};

/**
 * Admits the app's key with this scope, a manager of the app, and, if user tokens are accepted, the user in the path.
 * Sets `user`: that user, with the current connection.
 */
export const forUser = (scope: KeyScope, { userTokens }: { userTokens: boolean } = { userTokens: true }) =>
  admission('user', (c) => toUser<AuthorizedRequest>(c, { scope, userTokens }, admitForUser));

/**
 * As `forUser`, and reads something of the user's body data in the same round trip, only if the request is admitted.
 * Sets `data` of `user` to it; undefined if it has to be read apart.
 */
export const forBodyData = <Data>(scope: KeyScope, readerOf: (c: HttpContext) => Reader<Data> | undefined) =>
  admission('user', (c) =>
    toUser(c, { scope, userTokens: true }, (deps, credential, wanted) =>
      admitToRead(deps, credential, wanted, readerOf(c)),
    ),
  );

/**
 * As `forUser`, for what a person has a right to even if the app is disabled. Sets `person`: the user without their
 * connection, so that no body data can be read.
 */
export const forPerson = (scope: KeyScope, { userTokens }: { userTokens: boolean }) =>
  admission('person', (c) => toUser(c, { scope, userTokens }, admitForPerson));

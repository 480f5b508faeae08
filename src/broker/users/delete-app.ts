import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { deleteApp as deleteEmptyApp, someUsersOf } from '../../store/users/erasure.ts';
import type { ManagedApp } from '../access/admit-manager.ts';
import { updateApp } from '../apps/manage-apps.ts';
import { auditStatementFor } from '../audit.ts';
import type { Deps } from '../deps.ts';
import { reviewDisabledAlarm } from '../webhooks/disabled-alarm.ts';
import { eraseUser } from './erase-user.ts';

/**
 * How many users one call erases: each takes up to nine D1 calls and two requests, of the 50 that an invocation may
 * make.
 */
const USERS_AT_ONCE = 4;
/** After this time a call begins with no other user: revocations wait for requests, and a client for the answer. */
const LAST_BEGIN_MS = 10 * SECOND_MS;

/**
 * Deletes an app and everything of its users, a bounded part in each call. The app is disabled first, so no data is
 * read or sent from then on. The same call continues until the app is gone.
 *
 * @returns whether the app is gone
 */
export const deleteApp = async (deps: Deps, managed: ManagedApp): Promise<Result<boolean, Failure>> => {
  const { app, by } = managed;
  const appId = app.id;
  if (app.disabledAt === undefined) {
    const disabled = await updateApp(deps, managed, { disabled: true });
    if (!disabled.ok) return disabled;
  }
  const users = await someUsersOf(deps.db, appId, USERS_AT_ONCE);
  if (!users.ok) return users;
  const lastBegin = deps.now() + LAST_BEGIN_MS;
  for (const userId of users.value) {
    if (deps.now() > lastBegin) return ok(false);
    const erased = await eraseUser(deps, by, { appId, userId });
    if (!erased.ok) return erased;
    if (!erased.value.complete) return ok(false);
  }
  if (users.value.length === USERS_AT_ONCE) return ok(false);
  const audit = auditStatementFor(deps, by, {
    action: 'app.deleted',
    appId,
    subject: appId,
    detail: { name: app.name },
  });
  const deleted = await deleteEmptyApp(deps.db, appId, [audit]);
  if (!deleted.ok) return deleted;
  await reviewDisabledAlarm(deps);
  return ok(true);
};

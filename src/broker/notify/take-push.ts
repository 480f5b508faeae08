import { isNotifySecret } from '../../crypto/notify-secret.ts';
import type { Failure } from '../../domain/failure.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { recordPush } from '../../store/notify/pushes.ts';
import type { Deps } from '../deps.ts';
import { sendRecorded } from '../webhooks/deliver.ts';
import { pullPushed } from './pull-pushed.ts';

/** A push of Withings, not trusted yet: the secret of the URL that it came to, and its form. */
export type Push = { secret: string; form: URLSearchParams };

/** Withings' ids are decimal numbers. */
const WITHINGS_USER_ID = /^\d{1,20}$/;
/** The kind of pushes about the account: unlinked, deleted, updated. */
const ACCOUNT_APPLI = 46;
/** One weigh-in is pushed several times. They arrive within this pause, and are one sync. */
const PAUSE_MS = 2 * SECOND_MS;

/**
 * Takes a push: notes it in one round trip and syncs behind the answer, because Withings waits two seconds for it. The
 * push contains no values, and Withings signs none. So what it says is only a reason to ask Withings.
 *
 * @returns `not_found` if the secret is not that of the person, or if the person has no connection: Withings then
 *   cancels the subscription by itself
 */
export const takePush = async (deps: Deps, { secret, form }: Push): Promise<Result<void, Failure>> => {
  const withingsUserId = form.get('userid') ?? '';
  const isTrue = WITHINGS_USER_ID.test(withingsUserId) && (await isNotifySecret(deps.keyring, secret, withingsUserId));
  // Before any I/O: a forged push costs nothing, and says nothing about a person.
  if (!isTrue) return NO_SUCH_CALLBACK;
  const appli = Number(form.get('appli'));
  const refreshes = appli === ACCOUNT_APPLI;
  if (!refreshes && !deps.settings.notifyApplis.includes(appli)) return ok(undefined);
  const now = deps.now();
  const noted = await recordPush(deps.db, withingsUserId, { refreshes, dueAt: now + PAUSE_MS }, now);
  if (!noted.ok) return noted;
  if (noted.value === 'not_connected') return NO_SUCH_CALLBACK;
  if (noted.value === 'noted') deps.waitUntil(pullSoon(deps, withingsUserId));
  return ok(undefined);
};

const NO_SUCH_CALLBACK = fail({ kind: 'not_found', what: 'callback' } as const);

const pullSoon = async (deps: Deps, withingsUserId: string): Promise<void> => {
  await deps.sleep(PAUSE_MS);
  await pullPushed(deps, withingsUserId);
  if (deps.db.recorded.size > 0) await sendRecorded(deps);
};

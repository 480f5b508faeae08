import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS } from '../../domain/time.ts';
import {
  type DueSubscription,
  forgetSubscription,
  recordStep,
  type SubscribingConnection,
  subscribingConnection,
  type SubscriptionStep,
  takeDueSubscription,
} from '../../store/notify/subscriptions.ts';
import { closeQuota } from '../../store/tokens/withings-quota.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { Deps } from '../deps.ts';
import { usableAccessToken } from '../tokens/access-token.ts';
import { openToken } from '../tokens/sealed-tokens.ts';
import type { Reservation } from '../withings.ts';
import { callbackUrlOf } from './callback-url.ts';

/**
 * Keeps the broker subscribed to Withings' notifications about each person. A step is one kind of data, so two of one
 * person are a tick apart: Withings wants seconds between them.
 * 1. `list`: what there is, and so what is missing. Withings keeps doubles, so nothing is subscribed that was not missed.
 * 2. `subscribe`: what is missing, one kind a step. If an answer is lost, the next step lists again.
 * 3. What stands under an older key of the keyring is revoked, once all is subscribed under the current one.
 * 4. After a week, `list` again: Withings cancels what it could not deliver for 20 days.
 *
 * A step needs a good access token. It waits for one that the other work refreshes, and gets one of its own only if
 * nothing was verified for two weeks and nothing has failed since.
 */

/** How long a person's step may take. */
const LEASE_MS = 5 * MINUTE_MS;
const NEXT_STEP_MS = MINUTE_MS;
const AUDIT_MS = 7 * DAY_MS;
/** So long a person's subscription is not verified for want of a token; then it gets one. */
const PATIENCE_MS = 2 * AUDIT_MS;
const FIRST_RETRY_MS = 10 * MINUTE_MS;
/** How long nothing is subscribed after Withings could not reach the callback: it will not reach that of others either. */
const REFUSED_PAUSE_MS = HOUR_MS;
/** A list, and what it shows to be missing. */
const REQUESTS_OF_STEP = 2;
/** D1 calls of a step with a refresh. */
const CALLS_OF_STEP = 10;
const MOST_STEPS = 4;

/** Takes due steps. Whether Withings reaches the callback; undefined if it was not asked. */
export const keepSubscribed = async (
  deps: Deps,
  callsLeft: () => number,
): Promise<'reached' | 'refused' | undefined> => {
  let seen: 'reached' | 'refused' | undefined;
  for (let steps = 0; steps < MOST_STEPS && callsLeft() >= CALLS_OF_STEP; steps += 1) {
    const granted = await deps.withings.reserve({ share: 'notify' }, REQUESTS_OF_STEP);
    if (!granted.ok) break;
    const taken = await takeDueSubscription(deps.db, deps.now() + LEASE_MS, deps.now());
    if (!taken.ok || taken.value === undefined) break;
    const found = await subscribingConnection(deps.db, taken.value.withingsUserId);
    if (!found.ok) break;
    const connection = found.value;
    if (connection === undefined) {
      await endOrWait(deps, taken.value);
      continue;
    }
    const step = await takeStep(deps, granted.value, taken.value, connection);
    await recordStep(deps.db, taken.value, step);
    if (step.failure !== undefined) log(deps, step.failure);
    seen = step.reaches ?? seen;
    if (seen !== 'refused') continue;
    await closeQuota(deps.db, 'notify', deps.settings.shares.notify, deps.now() + REFUSED_PAUSE_MS, deps.now());
    break;
  }
  return seen;
};

const log = (deps: Deps, reason: string): void =>
  deps.log({ level: 'warn', event: 'subscription', outcome: 'failed', reason });

/** Without a connection the row goes; one that waits for the user's consent begins again with it. */
const endOrWait = async (deps: Deps, due: DueSubscription): Promise<void> => {
  const forgotten = await forgetSubscription(deps.db, due.withingsUserId);
  if (forgotten.ok && forgotten.value === undefined) {
    await recordStep(deps.db, due, { ...due, missing: null, dueAt: deps.now() + AUDIT_MS });
  }
};

type Step = SubscriptionStep & { failure?: string; reaches?: 'reached' | 'refused' };

const takeStep = async (
  deps: Deps,
  granted: Reservation,
  due: DueSubscription,
  connection: SubscribingConnection,
): Promise<Step> => {
  const token = await tokenFor(deps, due, connection);
  if (!token.ok) return { ...due, ...token.failure };
  const { currentKeyId } = deps.keyring;
  const url = await callbackUrlOf(deps, due.origin, currentKeyId, due.withingsUserId);
  const asked = { granted, accessToken: token.value, url };
  const listed = due.missing === null ? await look(deps, due, asked) : ok({ missing: parse(due.missing), older: [] });
  if (!listed.ok) return afterFailure(deps, due, listed.failure);
  const [appli, ...rest] = listed.value.missing;
  const done = { ...due, keyId: currentKeyId, failures: 0 };
  if (appli === undefined) return revokeOlder(deps, due, asked, listed.value.older);
  const made = await deps.withings.subscribe(granted, { accessToken: token.value, callbackUrl: url, appli });
  if (!made.ok) return afterFailure(deps, due, made.failure);
  // The last one is followed by a look at the list, if something stands under another key.
  const isRotating = due.keyId !== null && due.keyId !== currentKeyId;
  if (rest.length === 0 && !isRotating) return { ...done, ...verified(deps), reaches: 'reached' };
  const missing = rest.length === 0 ? null : rest.join(',');
  const keyId = isRotating ? due.keyId : currentKeyId;
  return { ...done, keyId, missing, dueAt: deps.now() + NEXT_STEP_MS, reaches: 'reached' };
};

const parse = (missing: string): number[] => missing.split(',').filter(Boolean).map(Number);

const verified = (deps: Deps) => ({ missing: null, verifiedAt: deps.now(), dueAt: deps.now() + AUDIT_MS });

/**
 * The person's access token, or when to ask again. A connection is refreshed for it once: what fails after that waits
 * for the other work's refreshes.
 */
const tokenFor = async (
  deps: Deps,
  { verifiedAt, failures }: DueSubscription,
  { id, appId, accessTokenSealed, accessExpiresAt, nextRefreshAt }: SubscribingConnection,
): Promise<Result<Secret, { dueAt: EpochMs; failures: number }>> => {
  const now = deps.now();
  if (accessTokenSealed !== null && accessExpiresAt > now + MINUTE_MS) {
    const opened = await openToken(deps, { appId, connectionId: id }, 'access_token', accessTokenSealed);
    return opened.ok ? opened : fail({ dueAt: now + DAY_MS, failures });
  }
  if (failures > 0 || now - (verifiedAt ?? 0) < PATIENCE_MS)
    return fail({ dueAt: Math.min((nextRefreshAt ?? Infinity) + MINUTE_MS, now + DAY_MS), failures });
  const fresh = await usableAccessToken(deps, id, { share: 'notify', isUse: false });
  return fresh.ok ? ok(fresh.value.accessToken) : fail({ dueAt: now + HOUR_MS, failures: 1 });
};

type Asked = { granted: Reservation; accessToken: Secret; url: Secret };

/** What the list lacks, and what it has under other keys of the ring. */
type Looked = { missing: number[]; older: { callbackUrl: Secret; appli: number }[] };

const look = async (
  deps: Deps,
  { origin, withingsUserId }: DueSubscription,
  { granted, accessToken, url }: Asked,
): Promise<Result<Looked, WithingsFailure>> => {
  const listed = await deps.withings.listSubscriptions(granted, { accessToken });
  if (!listed.ok) return listed;
  const has = new Set(
    listed.value.filter((one) => one.callbackUrl.reveal() === url.reveal()).map(({ appli }) => appli),
  );
  const otherKeys = deps.keyring.keyIds.filter((keyId) => keyId !== deps.keyring.currentKeyId);
  const urls = await Promise.all(otherKeys.map((keyId) => callbackUrlOf(deps, origin, keyId, withingsUserId)));
  const others = new Set(urls.map((other) => other.reveal()));
  return ok({
    missing: deps.settings.notifyApplis.filter((appli) => !has.has(appli)),
    // What stands under a key that has left the ring is not known as ours: its pushes are refused, and Withings cancels it.
    older: listed.value.filter(({ callbackUrl }) => others.has(callbackUrl.reveal())),
  });
};

/** Ends a step with nothing missing. Of older URLs one kind is revoked at a time: without `appli`, Withings may end all. */
const revokeOlder = async (
  deps: Deps,
  due: DueSubscription,
  { granted, accessToken }: Asked,
  [older, ...rest]: Looked['older'],
): Promise<Step> => {
  const done = { ...due, keyId: deps.keyring.currentKeyId, failures: 0, ...verified(deps) };
  if (older === undefined || granted.left < 1) return done;
  const revoked = await deps.withings.revokeSubscription(granted, { accessToken, ...older });
  if (!revoked.ok && revoked.failure.kind !== 'subscription_unknown') return afterFailure(deps, due, revoked.failure);
  return rest.length === 0 ? done : { ...done, dueAt: deps.now() + NEXT_STEP_MS };
};

/** Nothing is known of what a lost answer did, so the next step lists. */
const afterFailure = (deps: Deps, due: DueSubscription, failure: WithingsFailure): Step => {
  const pauseMs = Math.min(FIRST_RETRY_MS * 2 ** due.failures, DAY_MS);
  const step = { ...due, missing: null, failures: due.failures + 1, failure: failure.kind };
  if (failure.kind === 'callback_refused') {
    return { ...step, dueAt: deps.now() + Math.max(pauseMs, REFUSED_PAUSE_MS), reaches: 'refused' };
  }
  return { ...step, dueAt: deps.now() + pauseMs };
};

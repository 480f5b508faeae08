import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import {
  type DueSubscription,
  dueSubscriptions,
  forgetSubscription,
  leaseSubscription,
  postponeSubscriptions,
  recordStep,
  type SubscribingConnection,
  type SubscriptionStep,
} from '../../store/notify/subscriptions.ts';
import { closeQuota } from '../../store/tokens/withings-quota.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import type { Deps } from '../deps.ts';
import { usableAccessToken } from '../tokens/access-token.ts';
import { openToken } from '../tokens/sealed-tokens.ts';
import type { Reservation } from '../withings.ts';
import { type Listed, lookAtList } from './look-at-list.ts';

/**
 * Keeps the broker subscribed to Withings' notifications about each person. A tick takes a few people, in turns:
 * 1. `list`: what there is, and so what is missing. Withings keeps doubles, so nothing is subscribed that was not
 *    missed.
 * 2. `subscribe`: what is missing, with seconds between two of one person, as Withings wants. If an answer is lost, or
 *    the share has no request left, a later tick lists again.
 * 3. What stands under an older key of the keyring is revoked, once all is subscribed under the current one.
 * 4. After a week, `list` again: Withings cancels what it could not deliver for 20 days.
 *
 * That needs a good access token. It waits for the next one that other work refreshes. It gets one of its own only if
 * nothing was verified for two weeks and nothing has failed since.
 */

/** Longer than a tick works on its people. */
const LEASE_MS = 5 * MINUTE_MS;
const NEXT_STEP_MS = MINUTE_MS;
/** Between two subscriptions of one person. */
const SPACING_MS = 5 * SECOND_MS;
/** After this time a tick waits for no further request. */
const PATIENCE_OF_TICK_MS = 45 * SECOND_MS;
const AUDIT_MS = 7 * DAY_MS;
/** So long a person's subscription is not verified for want of a token; then it gets one. */
const PATIENCE_MS = 2 * AUDIT_MS;
/** Other work is due before it is done. */
const AFTER_OTHER_WORK_MS = 2 * MINUTE_MS;
const FIRST_RETRY_MS = 10 * MINUTE_MS;
/**
 * How long nothing is subscribed after Withings could not reach the callback: it will not reach that of others either.
 */
const REFUSED_PAUSE_MS = HOUR_MS;
/** People whose connections a tick looks at: most wait for a token. */
const LOOKED_AT = 10;
/** People of whom a tick asks Withings: 30,000 in five days, if the share allows. */
const MOST_PEOPLE = 4;
/** D1 calls that find them, and put those off who wait. */
const CALLS_TO_FIND = 2;
/** D1 calls for one person, with a refresh. */
const CALLS_OF_PERSON = 10;

/** What a tick knows. `seen`: whether Withings reaches the callback. */
type Run = { deps: Deps; granted: Reservation; until: EpochMs; seen: 'reached' | 'refused' | undefined };

/** A person with a token, or whose time has come to get one. */
type Ready = DueSubscription & { connection: SubscribingConnection };

/** A person whose list is known, and what was subscribed since. */
type Person = { due: DueSubscription; accessToken: Secret; listed: Listed; made: number; madeAt: EpochMs };

/** Looks at the people who are due. Whether Withings reaches the callback; undefined if it was not asked. */
export const keepSubscribed = async (
  deps: Deps,
  callsLeft: () => number,
): Promise<'reached' | 'refused' | undefined> => {
  const most = Math.min(MOST_PEOPLE, Math.floor((callsLeft() - CALLS_TO_FIND) / CALLS_OF_PERSON));
  if (most < 1) return undefined;
  const due = await dueSubscriptions(deps.db, deps.now(), LOOKED_AT);
  if (!due.ok) return undefined;
  const ready: Ready[] = [];
  const waiting: { due: DueSubscription; until: EpochMs }[] = [];
  for (const one of due.value) {
    const { connection } = one;
    const wait = connection === undefined ? undefined : waitForToken(one, connection, deps.now());
    if (connection === undefined) await endOrWait(deps, one);
    else if (wait !== undefined) waiting.push({ due: one, until: wait });
    else ready.push({ ...one, connection });
  }
  await postponeSubscriptions(deps.db, waiting);
  if (ready.length === 0) return undefined;
  const granted = await deps.withings.reserve({ share: 'notify' }, 1);
  if (!granted.ok) return undefined;
  const run: Run = { deps, granted: granted.value, until: deps.now() + PATIENCE_OF_TICK_MS, seen: undefined };
  const people: Person[] = [];
  for (const one of ready.slice(0, most)) {
    const person = await begin(run, one);
    if (person !== undefined) people.push(person);
  }
  for (let left = people; left.length > 0;) left = await subscribeInTurn(run, left);
  if (run.seen !== 'refused') return run.seen;
  await closeQuota(deps.db, 'notify', deps.settings.shares.notify, deps.now() + REFUSED_PAUSE_MS, deps.now());
  return run.seen;
};

/** Without a connection the row goes; one that waits for the user's consent begins again with it. */
const endOrWait = async (deps: Deps, due: DueSubscription): Promise<void> => {
  const forgotten = await forgetSubscription(deps.db, due.withingsUserId);
  if (forgotten.ok && forgotten.value === undefined) {
    await recordStep(deps.db, due, { ...due, dueAt: deps.now() + AUDIT_MS });
  }
};

/** Until when the person waits for a token of other work; undefined if there is one, or it is time to get one. */
const waitForToken = (
  { verifiedAt, failures }: DueSubscription,
  { accessTokenSealed, accessExpiresAt, nextRefreshAt, nextPullAt }: SubscribingConnection,
  now: EpochMs,
): EpochMs | undefined => {
  if (accessTokenSealed !== null && accessExpiresAt > now + AFTER_OTHER_WORK_MS) return undefined;
  const endOfPatience = (verifiedAt ?? 0) + PATIENCE_MS;
  if (failures === 0 && now >= endOfPatience) return undefined;
  // What is overdue waits for its turn.
  const after = (at: EpochMs | null) => (at === null ? Infinity : Math.max(at + AFTER_OTHER_WORK_MS, now + HOUR_MS));
  return Math.min(after(nextRefreshAt), after(nextPullAt), failures === 0 ? endOfPatience : now + PATIENCE_MS);
};

/** Leases a person, and looks at Withings' list. Undefined if that is all for now. */
const begin = async (run: Run, ready: Ready): Promise<Person | undefined> => {
  const { deps } = run;
  const leased = await leaseSubscription(deps.db, ready, deps.now() + LEASE_MS);
  if (!leased.ok || leased.value === undefined) return undefined;
  const due = leased.value;
  const token = await tokenFor(run, ready.connection);
  if (!token.ok) return end(deps, due, { ...due, ...token.failure });
  if (!(await hasRequest(run))) return end(deps, due, { ...due, dueAt: deps.now() + NEXT_STEP_MS });
  const listed = await lookAtList(deps, due, run.granted, token.value);
  if (!listed.ok) return failed(run, due, listed.failure);
  return { due, accessToken: token.value, listed: listed.value, made: 0, madeAt: 0 };
};

const end = async (deps: Deps, due: DueSubscription, step: SubscriptionStep): Promise<undefined> => {
  await recordStep(deps.db, due, step);
};

/** Whether the share grants one more request, after a pause if need be. */
const hasRequest = async ({ deps, granted, until }: Run): Promise<boolean> => {
  if (granted.left > 0) return true;
  const more = await deps.withings.reserve({ share: 'notify', waitMs: Math.max(0, until - deps.now()) }, 1);
  if (more.ok) granted.join(more.value);
  return more.ok;
};

/**
 * The person's access token, or when to ask again. A connection is refreshed for it once: what fails after that waits
 * for the other work's refreshes.
 */
const tokenFor = async (
  run: Run,
  { id, appId, accessTokenSealed, accessExpiresAt }: SubscribingConnection,
): Promise<Result<Secret, { dueAt: EpochMs; failures?: number }>> => {
  const { deps, granted } = run;
  const now = deps.now();
  if (accessTokenSealed !== null && accessExpiresAt > now + MINUTE_MS) {
    const opened = await openToken(deps, { appId, connectionId: id }, 'access_token', accessTokenSealed);
    return opened.ok ? opened : fail({ dueAt: now + DAY_MS });
  }
  if (!(await hasRequest(run))) return fail({ dueAt: now + NEXT_STEP_MS });
  const fresh = await usableAccessToken(deps, id, { share: 'notify', isUse: false, granted });
  if (fresh.ok) return ok(fresh.value.accessToken);
  const isBusy = fresh.failure.kind === 'over_share' || fresh.failure.kind === 'refresh_in_progress';
  return fail(isBusy ? { dueAt: deps.now() + NEXT_STEP_MS } : { dueAt: deps.now() + HOUR_MS, failures: 1 });
};

/** Subscribes one kind of data of each person. Those of whom more is missing. */
const subscribeInTurn = async (run: Run, people: readonly Person[]): Promise<Person[]> => {
  const left: Person[] = [];
  for (const person of people) if (await subscribeNext(run, person)) left.push(person);
  return left;
};

const subscribeNext = async (run: Run, person: Person): Promise<boolean> => {
  const { deps, granted } = run;
  const { due, accessToken, listed } = person;
  const [appli, ...rest] = listed.missing;
  if (appli === undefined) {
    await finish(run, person);
    return false;
  }
  const pauseMs = person.madeAt + SPACING_MS - deps.now();
  const mayAsk = run.seen !== 'refused' && deps.now() + pauseMs < run.until && (await hasRequest(run));
  if (!mayAsk) {
    await recordStep(deps.db, due, { ...due, keyId: keyOf(deps, person), dueAt: deps.now() + NEXT_STEP_MS });
    return false;
  }
  if (pauseMs > 0) await deps.sleep(pauseMs);
  const made = await deps.withings.subscribe(granted, { accessToken, callbackUrl: listed.url, appli });
  if (!made.ok) {
    await failed(run, { ...due, keyId: keyOf(deps, person) }, made.failure);
    return false;
  }
  run.seen = 'reached';
  Object.assign(person, { listed: { ...listed, missing: rest }, made: person.made + 1, madeAt: deps.now() });
  return true;
};

/** The key behind what stands at Withings: an older one until it is looked at again. */
const keyOf = ({ keyring }: Deps, { due, made }: Person): string | null =>
  due.keyId ?? (made > 0 ? keyring.currentKeyId : null);

/** Ends with nothing missing. Of older URLs one kind is revoked at a time: without `appli`, Withings may end all. */
const finish = async (run: Run, person: Person): Promise<void> => {
  const { deps, granted } = run;
  const { due, accessToken, listed, made } = person;
  const now = deps.now();
  const isRotating = due.keyId !== null && due.keyId !== deps.keyring.currentKeyId;
  // What stands under another key is looked at once more.
  if (made > 0 && isRotating) return end(deps, due, { ...due, failures: 0, dueAt: now + NEXT_STEP_MS });
  const verified = { keyId: deps.keyring.currentKeyId, failures: 0, verifiedAt: now, dueAt: now + AUDIT_MS };
  const [older, ...rest] = listed.older;
  if (older === undefined) return end(deps, due, verified);
  if (!(await hasRequest(run))) return end(deps, due, { ...due, dueAt: now + NEXT_STEP_MS });
  const revoked = await deps.withings.revokeSubscription(granted, { accessToken, ...older });
  if (!revoked.ok && revoked.failure.kind !== 'subscription_unknown') return failed(run, due, revoked.failure);
  return end(deps, due, rest.length === 0 ? verified : { ...verified, dueAt: now + NEXT_STEP_MS });
};

/** Nothing is known of what a lost answer did, so the next step lists, as each does. */
const failed = async (run: Run, due: DueSubscription, { kind }: WithingsFailure): Promise<undefined> => {
  const { deps } = run;
  const isRefused = kind === 'callback_refused';
  if (isRefused) run.seen = 'refused';
  const pauseMs = Math.max(Math.min(FIRST_RETRY_MS * 2 ** due.failures, DAY_MS), isRefused ? REFUSED_PAUSE_MS : 0);
  await recordStep(deps.db, due, { ...due, failures: due.failures + 1, dueAt: deps.now() + pauseMs });
  deps.log({ level: 'warn', event: 'subscription', outcome: 'failed', reason: kind });
};

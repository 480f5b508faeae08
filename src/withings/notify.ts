/** Validates what `/notify` answers. Pure. */
import { causeOfStatus, openEnvelope, type OpenedEnvelope } from './envelope.ts';
import { fail, ok, type FailureCause, type Outcome } from './outcome.ts';
import { secret, type Secret } from './secret.ts';
import type { Answer } from './send.ts';
import { asObject, isTokenText, toCount } from './unverified.ts';
import type { NotifyProfile } from './wire.ts';

/** That Withings posts to a callback URL when data of one kind (`appli`) of one person changes. */
export type Subscription = {
  /** Every caller that knows it can post to it, so it is a secret. */
  callbackUrl: Secret;
  /** The kind of data: 1 weight and body, 2 temperature, 4 blood pressure, pulse and SpO2. */
  appli: number;
};

/**
 * Validates the answer to `list`. One unreadable entry makes the whole list malformed: from a list with a gap a client
 * would subscribe again, and Withings may keep both.
 */
export const processListResponse = (answer: Answer): Outcome<Subscription[]> => {
  const envelope = processNotifyResponse(answer, notifyCause);
  if (!envelope.ok) return envelope;
  const profiles = asObject<'profiles'>(envelope.value.body)?.profiles;
  if (!Array.isArray(profiles)) return fail({ kind: 'malformed', path: 'body.profiles' });
  const subscriptions: Subscription[] = [];
  for (const [index, profile] of profiles.entries()) {
    const subscription = readProfile(profile, `body.profiles[${index}]`);
    if (!subscription.ok) return subscription;
    subscriptions.push(subscription.value);
  }
  return ok(subscriptions);
};

/** Validates the answer to `subscribe`, whose body is empty. */
export const processSubscribeResponse = (answer: Answer): Outcome<void> => emptied(answer, causeOfRefusedCallback);

/** Validates the answer to `revoke` of a subscription, whose body is empty. */
export const processUnsubscribeResponse = (answer: Answer): Outcome<void> => emptied(answer, causeOfUnknownCallback);

const emptied = (answer: Answer, causeOf: CauseOf): Outcome<void> => {
  const envelope = processNotifyResponse(answer, causeOf);
  return envelope.ok ? ok(undefined) : envelope;
};

const readProfile = (value: unknown, path: string): Outcome<Subscription> => {
  const profile = asObject<keyof NotifyProfile>(value);
  if (!profile) return fail({ kind: 'malformed', path });
  const { callbackurl } = profile;
  const appli = toCount(profile.appli);
  if (!appli) return fail({ kind: 'malformed', path: `${path}.appli` });
  if (!isTokenText(callbackurl) || !URL.canParse(callbackurl))
    return fail({ kind: 'malformed', path: `${path}.callbackurl` });
  return ok({ callbackUrl: secret(callbackurl), appli });
};

type CauseOf = (envelope: OpenedEnvelope) => FailureCause;

const processNotifyResponse = (answer: Answer, causeOf: CauseOf): Outcome<OpenedEnvelope> => {
  const envelope = openEnvelope(answer);
  return !envelope.ok || envelope.value.status === 0 ? envelope : fail(causeOf(envelope.value));
};

/**
 * What a status means here and nowhere else. The current reference publishes only families. Its retired pages had these
 * meanings: 286 no such subscription, 293 and 343 the callback is absent or wrong, 294 it could not be deleted, 342 a
 * bad signature. Clients report 293 for a callback whose check with HEAD fails.
 */
const notifyCause: CauseOf = (envelope) => {
  switch (envelope.status) {
    case 286:
      return { kind: 'subscription_unknown' };
    case 294:
      return { kind: 'subscription_kept' };
    case 342:
      return { kind: 'client_rejected' };
    default:
      return causeOfStatus(envelope);
  }
};

const BLAMES_CALLBACK: readonly number[] = [293, 343];

/** If a subscription is made, an error about the callback means that Withings does not accept it. */
const causeOfRefusedCallback: CauseOf = (envelope) =>
  BLAMES_CALLBACK.includes(envelope.status) ? { kind: 'callback_refused' } : notifyCause(envelope);

/** If a subscription is revoked, an error about the callback means that it has no subscription. */
const causeOfUnknownCallback: CauseOf = (envelope) =>
  BLAMES_CALLBACK.includes(envelope.status) ? { kind: 'subscription_unknown' } : notifyCause(envelope);

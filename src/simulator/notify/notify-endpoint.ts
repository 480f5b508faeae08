import { NOTIFY_PATH, type NotifyProfile } from '../../withings/wire.ts';
import {
  insufficientScope,
  invalidParams,
  invalidToken,
  notImplemented,
  refusal,
  success,
  type Answer,
} from '../api/answer.ts';
import type { Call } from '../api/call.ts';
import type { Held } from '../oauth/grants.ts';
import { effectiveScopes, type Person } from '../people/people.ts';
import type { SimulatorState } from '../state.ts';
import { scopeOfAppli } from './applis.ts';
import type { Subscription } from './subscriptions.ts';

/** Never, as recorded. */
const EXPIRES = 2_147_483_647;
const DEFAULT_APPLI = '1';
const MAX_COMMENT_CHARACTERS = 255;

/** Codes of the retired pages: the current reference has families only. Their texts are not recorded. */
const noSuchSubscription = refusal(286, 'No such subscription was found');
const callbackRefused = refusal(293, 'The callback URL is either unknown or invalid');
const commentTooLong = refusal(304, 'The comment is too long');
const tooSoon = refusal(601, 'Too many requests');

/** The subscriptions of the grant's client to its person. */
type Caller = { held: Held; person: Person };

const ownerOf = ({ held: { grant } }: Caller) => ({ clientId: grant.clientId, userid: grant.userid });

const readAppli = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,3}$/.test(text) && scopeOfAppli[Number(text)] !== undefined ? Number(text) : undefined;

const hasScopeFor = ({ held, person }: Caller, appli: number): boolean =>
  effectiveScopes(held.grant.scopes, person).includes(scopeOfAppli[appli] ?? '');

const found = (state: SimulatorState, caller: Caller, call: Call, appli: number): Subscription[] =>
  state.notifications.subscriptions
    .of(ownerOf(caller), appli)
    .filter(({ callbackUrl }) => callbackUrl === call.fields['callbackurl']);

const subscribe = async (state: SimulatorState, call: Call, caller: Caller): Promise<Answer> => {
  const { callbackurl: callbackUrl, comment } = call.fields;
  const appli = readAppli(call.fields['appli']);
  if (callbackUrl === undefined) return invalidParams('callbackurl');
  if (appli === undefined) return invalidParams('appli');
  if (comment !== undefined && comment.length > MAX_COMMENT_CHARACTERS) return commentTooLong;
  if (!hasScopeFor(caller, appli)) return insufficientScope;
  const { callbacks, subscriptions, pace } = state.notifications;
  if (!pace.allows(caller.person.userid)) return tooSoon;
  if (!callbacks.accepts(callbackUrl) || !(await callbacks.check(callbackUrl))) return callbackRefused;
  // The check took a while: the person may have withdrawn the access.
  if (!state.grants.accessLive(caller.held.pair)) return invalidToken;
  subscriptions.add({ ...ownerOf(caller), callbackUrl, appli, comment: comment ?? null });
  return success({});
};

const list = (state: SimulatorState, call: Call, caller: Caller): Answer => {
  const appli = readAppli(call.fields['appli']);
  if (call.fields['appli'] !== undefined && appli === undefined) return invalidParams('appli');
  const profiles: NotifyProfile[] = state.notifications.subscriptions
    .of(ownerOf(caller), appli)
    .map(({ appli, callbackUrl, comment }) => ({ appli, callbackurl: callbackUrl, expires: EXPIRES, comment }));
  return success({ profiles });
};

/** Of several, the last. */
const get = (state: SimulatorState, call: Call, caller: Caller): Answer => {
  const appli = readAppli(call.fields['appli'] ?? DEFAULT_APPLI);
  if (appli === undefined) return invalidParams('appli');
  const last = found(state, caller, call, appli).at(-1);
  if (last === undefined) return noSuchSubscription;
  const profile: NotifyProfile = { appli, callbackurl: last.callbackUrl, comment: last.comment };
  return success(profile);
};

/** Exactly one change, of one subscription, even if there are several alike. */
const update = async (state: SimulatorState, call: Call, caller: Caller): Promise<Answer> => {
  const { new_callbackurl: newUrl, new_appli: newAppli, comment } = call.fields;
  const appli = readAppli(call.fields['appli']);
  if (appli === undefined) return invalidParams('appli');
  if ([newUrl, newAppli, comment].filter((change) => change !== undefined).length !== 1) {
    return invalidParams('parameters');
  }
  const appliAfter = newAppli === undefined ? appli : readAppli(newAppli);
  if (appliAfter === undefined) return invalidParams('new_appli');
  if (!hasScopeFor(caller, appliAfter)) return insufficientScope;
  const { callbacks } = state.notifications;
  if (newUrl !== undefined && !(callbacks.accepts(newUrl) && (await callbacks.check(newUrl)))) return callbackRefused;
  const subscription = found(state, caller, call, appli)[0];
  if (subscription === undefined) return noSuchSubscription;
  subscription.appli = appliAfter;
  if (newUrl !== undefined) subscription.callbackUrl = newUrl;
  if (comment !== undefined) subscription.comment = comment;
  return success({});
};

/** All that are alike. Without `appli`, the reference says: all of the person. */
const revoke = (state: SimulatorState, call: Call, caller: Caller): Answer => {
  const { subscriptions } = state.notifications;
  const { callbackurl: callbackUrl } = call.fields;
  if (callbackUrl === undefined) return invalidParams('callbackurl');
  const appli = readAppli(call.fields['appli']);
  if (call.fields['appli'] !== undefined && appli === undefined) return invalidParams('appli');
  const theirs = subscriptions.of(ownerOf(caller), appli);
  const named = theirs.filter((one) => one.callbackUrl === callbackUrl);
  if (named.length === 0) return noSuchSubscription;
  const ended = new Set(appli === undefined && state.settings.revokeWithoutAppli === 'person' ? theirs : named);
  subscriptions.lose((one) => ended.has(one));
  return success({});
};

/**
 * `/notify`, for the holder of an access token. The signed form is for devices without an account, which are not
 * simulated.
 */
export const notify = (
  state: SimulatorState,
  call: Call,
  { held, person }: { held: Held | undefined; person: Person | undefined },
): Answer | Promise<Answer> => {
  const operation = call.path === NOTIFY_PATH ? operations[call.action ?? ''] : undefined;
  if (operation === undefined) return notImplemented;
  if (held === undefined || person === undefined) return invalidToken;
  return operation(state, call, { held, person });
};

type Operation = (state: SimulatorState, call: Call, caller: Caller) => Answer | Promise<Answer>;
const operations: Readonly<Record<string, Operation>> = { subscribe, list, get, update, revoke };

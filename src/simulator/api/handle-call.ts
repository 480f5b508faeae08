import { MEASURE_PATH, NOTIFY_PATH, OAUTH2_PATH, SIGNATURE_PATH } from '../../withings/wire.ts';
import { answerInstead, deliver, takesEffect, type Fault } from '../faults.ts';
import { getmeas } from '../measures/getmeas.ts';
import { notify } from '../notify/notify-endpoint.ts';
import type { Held } from '../oauth/grants.ts';
import { getnonce, hasValidSignature } from '../oauth/signature.ts';
import { oauth2 } from '../oauth/token-endpoint.ts';
import type { Person } from '../people/people.ts';
import type { SimulatorState } from '../state.ts';
import { invalidToken, notImplemented, type Answer } from './answer.ts';
import { describeCall } from './call-log.ts';
import { readCall, type Call } from './call.ts';

/** The caller, as far as the call identifies one. */
type Identity = {
  clientId: string | undefined;
  person: Person | undefined;
  /** The grant of a live access token. */
  held: Held | undefined;
};

const identify = (state: SimulatorState, call: Call): Identity => {
  const { client_id: clientId, code, refresh_token: refreshToken, userid } = call.fields;
  const byToken = call.accessToken === undefined ? undefined : state.grants.byAccessToken(call.accessToken);
  const theirs =
    byToken?.grant.userid ??
    (code === undefined ? undefined : state.codes.find(code)?.userid) ??
    (refreshToken === undefined ? undefined : state.grants.byRefreshToken(refreshToken)?.grant.userid) ??
    userid;
  const person = theirs === undefined ? undefined : state.people.find(theirs);
  const known = clientId !== undefined && state.clients.has(clientId) ? clientId : undefined;
  const live = byToken !== undefined && person !== undefined && state.grants.accessLive(byToken.pair);
  return { clientId: known ?? byToken?.grant.clientId, person, held: live ? byToken : undefined };
};

const measure = (state: SimulatorState, call: Call, { held, person }: Identity): Answer => {
  if (call.action !== 'getmeas') return notImplemented;
  if (held === undefined || person === undefined) return invalidToken;
  return getmeas(state, call, person, held.grant.scopes);
};

const operate = (state: SimulatorState, call: Call, identity: Identity, signed: boolean): Answer | Promise<Answer> => {
  if (call.path === MEASURE_PATH && ['GET', 'POST'].includes(call.method)) {
    return measure(state, call, identity);
  }
  if (call.path === NOTIFY_PATH && ['GET', 'POST'].includes(call.method)) return notify(state, call, identity);
  if (call.path === OAUTH2_PATH && ['GET', 'POST'].includes(call.method)) return oauth2(state, call, signed);
  if (call.path === SIGNATURE_PATH && call.method === 'POST' && call.action === 'getnonce') {
    return getnonce(state, call, signed);
  }
  return notImplemented;
};

/** Another client refreshes with the sent token and uses the new one. */
const rotateElsewhere = (state: SimulatorState, call: Call): void => {
  const held = state.grants.byRefreshToken(call.fields['refresh_token'] ?? '');
  if (held !== undefined) state.grants.use(state.grants.rotate(held.grant));
};

type Handling = { call: Call; identity: Identity; fault: Fault | undefined; signed: boolean };

/** The answer, or a promise of one where a callback is asked first. */
const handle = (
  state: SimulatorState,
  { call, identity, fault, signed }: Handling,
): Answer | null | Promise<Answer | null> => {
  const userid = identity.held?.grant.userid;
  const limited = state.limits.judge(call, { clientId: identity.clientId, userid });
  if (fault !== undefined && !takesEffect(fault)) return answerInstead(fault, call);
  if (fault?.kind === 'rotated_elsewhere') rotateElsewhere(state, call);
  if (identity.held !== undefined) state.grants.use(identity.held);
  const outcome = limited ?? operate(state, call, identity, signed);
  const instead = fault === undefined ? null : answerInstead(fault, call);
  return outcome instanceof Promise ? outcome.then((answer) => instead ?? answer) : (instead ?? outcome);
};

/** Answers a call to the API host. Rejects only if a fault breaks the connection or the caller gives up. */
export const handleApiCall = async (state: SimulatorState, request: Request): Promise<Response> => {
  const call = await readCall(request);
  const description = await describeCall(call);
  const signed = await hasValidSignature(state, call);
  // Await nothing until the answer is decided, so that calls take effect one after the other.
  const identity = identify(state, call);
  const fault = state.faults.take(call, identity.person?.id);
  const handled = handle(state, { call, identity, fault, signed });
  const answer = handled instanceof Promise ? await handled : handled;
  state.calls.add(state.clock.now(), description, {
    clientId: identity.clientId ?? null,
    person: identity.person?.id ?? null,
    status: answer?.status ?? null,
    httpStatus: httpStatusOf(fault),
    fault: fault?.kind ?? null,
  });
  return deliver(answer, fault, state.settings, request.signal);
};

const httpStatusOf = (fault: Fault | undefined): number | null => {
  if (fault?.kind === 'lost_answer') return null;
  if (fault?.kind === 'http_500') return 500;
  return fault?.kind === 'http_503' ? 503 : 200;
};

import { constantTimeEqual, hashCredential } from '../../crypto/credential.ts';
import { type LinkRecord, openAppState, openLinkRecord, STATE, type StateClaims } from '../../crypto/link-tokens.ts';
import { type Issued, verify } from '../../crypto/signed-token.ts';
import type { Failure } from '../../domain/failure.ts';
import {
  LINK_ERRORS,
  type LinkOutcome,
  type LinkError,
  sessionMarkExpiresAt,
  stateMarkExpiresAt,
} from '../../domain/link.ts';
import { appendParameters, withLoopbackPort } from '../../domain/redirect-uri/match.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { isMinterEnded } from '../../store/access/minted.ts';
import { type Claim, claimLink, noteOutcome, outcomeOf } from '../../store/link/claims.ts';
import { linkRecord, type LinkTarget } from '../../store/link/links.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import { type Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { noteSightings } from '../operator/alarms.ts';
import { storeGrant } from './store-grant.ts';

/** The parameters of Withings' redirect. */
export type Callback = {
  state: string;
  /** Absent if the user refused, or if Withings had an error. */
  code: Secret | undefined;
  /** The binding cookie that the browser sent, if any. */
  binding: string | undefined;
  /** The callback URL as it was in the authorization request. */
  callbackUrl: string;
};

/** Where the browser goes next: the app's redirect URI with the outcome of the link. */
export type FinishedLink = {
  location: string;
  ending: LinkOutcome;
  /** Whether the browser gets a page with a button instead of a redirect. */
  onPage: boolean;
};

/**
 * Finishes a link. A Withings code lives 30 seconds, so nothing slow runs before its exchange, and it is never
 * exchanged twice.
 *
 * Every outcome goes back to the app, unless that is unsafe: the state is not valid, the redirect URI is no longer
 * registered, or the allowlist cannot be read.
 */
export const finishLink = async (deps: Deps, callback: Callback): Promise<Result<FinishedLink, Failure>> => {
  // 1. The signature, before any I/O: a forged state costs nothing.
  const verified = await verify(deps.keyring, STATE, callback.state, deps.now());
  if (!verified.ok) {
    if (verified.failure.kind === 'invalid') return fail({ kind: 'state_invalid' });
    const { claims } = verified.failure;
    // The link's record has expired, so it is not known which app and user it was for.
    const line = { level: 'info', event: 'link', outcome: 'state_expired', reason: 'too_late' } as const;
    if (claims !== undefined) await logAbout(deps, { appId: claims.app, userId: undefined }, line);
    return fail({ kind: 'state_expired' });
  }
  const work = finishVerified(deps, callback, verified.value);
  // The browser may disconnect: an exchange that has begun is finished anyway.
  deps.waitUntil(work.catch(() => undefined));
  return work;
};

const finishVerified = async (
  deps: Deps,
  callback: Callback,
  state: Issued<StateClaims>,
): Promise<Result<FinishedLink, Failure>> => {
  const claim = { id: state.jti, expiresAt: stateMarkExpiresAt(state.expiresAt) };
  const session = state.ses && { id: state.ses.id, expiresAt: sessionMarkExpiresAt(state.ses.exp) };

  // 2. The claim, which exactly one callback wins, and the current allowlist.
  const claimed = await claimLink(deps.db, claim, session, state.app, state.uri);
  if (!claimed.ok) return claimed;
  const { won, target } = claimed.value;
  // 3. Whom the link is for. KV may not have the record at this location yet; the state is valid all the same.
  const record = won ? await recordOf(deps, state) : undefined;
  const subject = { appId: state.app, userId: record?.user };
  const [entry] = target?.registered ?? [];
  if (target === undefined || entry === undefined || target.disabledAt !== undefined) {
    const outcome = entry === undefined ? 'redirect_uri_not_allowed' : 'app_disabled';
    await logAbout(deps, subject, { level: 'info', event: 'link', outcome, reason: 'changed_meanwhile' });
    return fail(
      outcome === 'app_disabled' ? { kind: outcome } : { kind: outcome, explanation: undefined, wanted: undefined },
    );
  }
  const redirectUri = state.port === undefined ? entry.uri : withLoopbackPort(entry.uri, state.port);
  const onPage = state.page === true;
  const appState = await appStateOf(deps, state);
  if (!won) {
    const ending = await awaitFirstOutcome(deps, claim);
    return ok({ location: locationOf(redirectUri, ending, { appState }), ending, onPage });
  }

  const completed = await completeLink(deps, callback, { ...claimed.value, claim, target, state, record });
  const { ending, reason, ticket } = completed;
  if (isLinkError(ending)) await noteOutcome(deps.db, claim, ending, reason === QUOTA_USED ? session : undefined);
  if (reason === 'client_rejected') {
    // Without a connection the cron never sends this secret, so only this request can notice that it is wrong.
    deps.waitUntil(noteSightings(deps, { withings_client_rejected: 'met by a link' }));
  }
  const level = ending === 'server_error' ? 'error' : 'info';
  await logAbout(deps, subject, { level, event: 'link', outcome: ending, reason });
  return ok({ location: locationOf(redirectUri, ending, { ticket, appState }), ending, onPage });
};

/** The outcome of a link for the app, and its reason for the log. */
type CompletedLink = { ending: LinkOutcome; reason: string; ticket?: Secret };

/** What a callback that won the claim knows. */
type ClaimedLink = {
  claim: Claim;
  sessionWon: boolean;
  target: LinkTarget;
  state: Issued<StateClaims>;
  record: LinkRecord | undefined;
};

const completeLink = async (
  deps: Deps,
  { code, binding, callbackUrl }: Callback,
  { claim, sessionWon, target, state, record }: ClaimedLink,
): Promise<CompletedLink> => {
  if (!sessionWon) return { ending: 'link_not_allowed', reason: 'session_spent' };
  if (state.ses !== undefined) {
    const ended = await isMinterEnded(deps.db, state.app, state.ses, deps.now());
    if (!ended.ok) return { ending: 'temporarily_unavailable', reason: ended.failure.kind };
    if (ended.value) return { ending: 'link_not_allowed', reason: 'session_key_revoked' };
  }
  if (code === undefined) return { ending: 'access_denied', reason: 'no_code' };
  if (record === undefined) return { ending: 'temporarily_unavailable', reason: 'link_record_missing' };
  const granted = await reserveExchange(deps);
  if (!granted.ok) {
    const { kind } = granted.failure;
    return { ending: 'temporarily_unavailable', reason: kind === 'storage_unavailable' ? kind : QUOTA_USED };
  }

  // 4. The exchange, once.
  const grant = await deps.withings.exchangeCode(granted.value, { code, redirectUri: callbackUrl });
  if (!grant.ok) return { ending: linkErrorFor(grant.failure), reason: grant.failure.kind };
  // RFC 6749, 5.1: an answer without a scope granted what was requested. An answer without measurements granted less.
  const scope = grant.value.scope ?? deps.settings.scope;
  if (!scope.includes(MEASUREMENTS_SCOPE)) return { ending: 'access_denied', reason: 'scope_not_granted' };

  // 5. Who may link whom; then the sealed tokens and the outcome into D1.
  const kept = await storeGrant(deps, {
    appId: state.app,
    userId: record.user,
    policy: target.linkPolicy,
    kind: record.kind,
    sameBrowser: await isSameBrowser(record, binding),
    grant: grant.value,
    scope,
    claim,
  });
  if (!kept.ok) return { ending: 'temporarily_unavailable', reason: kept.failure.kind };
  return { ...kept.value, reason: `${target.linkPolicy}_policy` };
};

/**
 * Retried if D1 does not answer: the state is used, so the person cannot try again. A reservation that was counted
 * twice is free again within seconds.
 */
const reserveExchange = async ({ withings }: Deps) => {
  const reserve = () => withings.reserve({ share: 'link', waitMs: MAX_QUOTA_WAIT_MS }, 1);
  const granted = await reserve();
  return !granted.ok && granted.failure.kind === 'storage_unavailable' ? reserve() : granted;
};

/** No request was sent to Withings, so the connect session can be used again. */
const QUOTA_USED = 'withings_quota_used';
/** How long a link waits for its turn. A code lives 30 seconds, and its exchange takes up to ten. */
const MAX_QUOTA_WAIT_MS = 10 * SECOND_MS;

/** The registered redirect URI with the outcome in its query, and the app's `state` if the link had one. */
const locationOf = (
  redirectUri: string,
  ending: LinkOutcome,
  { ticket, appState }: { ticket?: Secret | undefined; appState: string | undefined },
): string =>
  appendParameters(redirectUri, {
    ...(ending === 'pending' && ticket !== undefined && { ticket: ticket.reveal() }),
    ...(isLinkError(ending) && { error: ending, error_description: LINK_ERRORS[ending] }),
    ...(appState !== undefined && { state: appState }),
  });

/** How often a repeated callback looks for the outcome. Together longer than an exchange may take. */
const ENDING_POLLS_MS = [100, 200, 300, 500, 1_000, 1_500, 2_000, 2_500, 3_000];

/**
 * A reload, or iOS sending the callback twice: the browser gets the first outcome, and no code is exchanged. The ticket
 * was in the first answer and is stored nowhere. Without it a pending link is not a success.
 */
const awaitFirstOutcome = async (deps: Deps, claim: Claim): Promise<LinkOutcome> => {
  for (const pauseMs of [0, ...ENDING_POLLS_MS]) {
    if (pauseMs > 0) await deps.sleep(pauseMs);
    const outcome = await outcomeOf(deps.db, claim);
    if (!outcome.ok) break;
    if (outcome.value === 'pending') return 'ticket_already_sent';
    if (isEnding(outcome.value)) return outcome.value;
  }
  return 'temporarily_unavailable';
};

const isEnding = (outcome: string | undefined): outcome is LinkOutcome =>
  outcome === 'connected' || (outcome !== undefined && isLinkError(outcome));

const isLinkError = (outcome: string): outcome is LinkError => outcome in LINK_ERRORS;

const recordOf = async (deps: Deps, state: Issued<StateClaims>): Promise<LinkRecord | undefined> => {
  const sealed = state.rec === undefined ? await linkRecord(deps.links, state.jti) : ok(state.rec);
  if (!sealed.ok || sealed.value === undefined) return undefined;
  const opened = await openLinkRecord(deps.keyring, state.jti, sealed.value);
  if (!opened.ok)
    deps.log({
      level: 'error',
      event: 'alarm',
      outcome: 'link_record_unreadable',
      reason: opened.failure.kind,
    });
  return opened.ok ? opened.value : undefined;
};

/** The app's `state`. One that does not open is left out, so the app refuses the answer as it refuses a forged one. */
const appStateOf = async (deps: Deps, { jti, st }: Issued<StateClaims>): Promise<string | undefined> => {
  if (st === undefined) return undefined;
  const opened = await openAppState(deps.keyring, jti, st);
  return opened.ok ? opened.value : undefined;
};

const linkErrorFor = (failure: WithingsFailure): LinkError => {
  if (failure.kind === 'code_rejected') return 'code_rejected';
  return failure.kind === 'client_rejected' || failure.kind === 'invalid_params'
    ? 'server_error'
    : 'temporarily_unavailable';
};

/** Withings' scope for measurements. A connection without it is useless. */
const MEASUREMENTS_SCOPE = 'user.metrics';

const isSameBrowser = async (record: LinkRecord, binding: string | undefined): Promise<boolean> =>
  binding !== undefined && constantTimeEqual(await hashCredential(binding), record.binding);

import { constantTimeEqual, hashCredential } from '../../crypto/credential.ts';
import { type LinkRecord, openAppState, STATE, type StateClaims } from '../../crypto/link-tokens.ts';
import { type Issued, verify } from '../../crypto/signed-token.ts';
import type { Failure } from '../../domain/failure.ts';
import { LINK_ERRORS, type LinkOutcome, type LinkError } from '../../domain/link.ts';
import { appendParameters, withLoopbackPort } from '../../domain/redirect-uri/match.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { type Claim, outcomeOf } from '../../store/link/claims.ts';
import { currentConnection } from '../../store/link/connections.ts';
import type { LinkTarget } from '../../store/link/links.ts';
import type { WithingsFailure } from '../../withings/outcome.ts';
import { type Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { recordObservations } from '../operator/alarms.ts';
import { pullAtConnect } from '../sync/pull-at-connect.ts';
import { type ClaimedWithRequest, claimWithRequest, linkToClaim, recordLinkError, QUOTA_USED } from './claim-link.ts';
import { linkRecordOf } from './link-record.ts';
import { type KeptGrant, storeGrant } from './store-grant.ts';

/** The parameters of Withings' redirect. */
export type Callback = {
  state: string;
  /** Absent if the user refused, or if Withings had an error. */
  code: Secret | undefined;
  /** The binding cookie that the browser sent, if any. */
  binding: string | undefined;
  /** The callback URL as it was in the authorization request. */
  callbackUrl: string;
  /** Whether it may wait for its turn at Withings. */
  mayWait: boolean;
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
 * Every outcome goes back to the app, unless that is unsafe. It is if the state is not valid, the redirect URI is no
 * longer registered, or the allowlist cannot be read.
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
  const link = linkToClaim(deps, state);
  // 2. The claim, which exactly one callback wins, a request to Withings for it, and the current allowlist.
  // 3. Beside it whom the link is for. KV may not have the record at this location yet; the state is valid all the
  //    same.
  const [claimed, record] = await Promise.all([claimWithRequest(deps, link, callback), linkRecordOf(deps, state)]);
  if (!claimed.ok) return claimed;
  const { won, target } = claimed.value;
  const subject = { appId: state.app, userId: record?.user };
  const [registered] = target?.registered ?? [];
  const isPortClosed = state.port !== undefined && target?.allowLoopback === false;
  const entry = isPortClosed ? undefined : registered;
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
    const ending = await awaitFirstOutcome(deps, link.state);
    return ok({ location: locationOf(redirectUri, ending, { appState }), ending, onPage });
  }

  const completed = await completeLink(deps, callback, { ...claimed.value, claim: link.state, target, state, record });
  const { ending, reason, ticket, pull } = completed;
  if (pull !== undefined) deps.waitUntil(pullAtConnect(deps, { id: pull, appId: state.app }));
  // Behind the redirect: a repeated callback waits for the outcome, the browser does not.
  if (isLinkError(ending)) deps.waitUntil(recordLinkError(deps, link, ending, reason));
  if (reason === 'client_rejected') {
    // Without a connection the cron never sends this secret, so only this request can notice that it is wrong.
    deps.waitUntil(recordObservations(deps, { withings_client_rejected: 'met by a link' }));
  }
  const level = ending === 'server_error' ? 'error' : 'info';
  await logAbout(deps, subject, { level, event: 'link', outcome: ending, reason });
  return ok({ location: locationOf(redirectUri, ending, { ticket, appState }), ending, onPage });
};

/** The outcome of a link for the app, and its reason for the log. */
type CompletedLink = KeptGrant & { reason: string };

/** What a callback that won the claim knows. */
type WonLink = ClaimedWithRequest & {
  claim: Claim;
  target: LinkTarget;
  state: Issued<StateClaims>;
  record: LinkRecord | undefined;
};

const completeLink = async (
  deps: Deps,
  { code, binding, callbackUrl }: Callback,
  { claim, sessionWon, target, state, record, granted }: WonLink,
): Promise<CompletedLink> => {
  if (!sessionWon) return { ending: 'link_not_allowed', reason: 'session_spent' };
  if (target.isMinterGone) return { ending: 'link_not_allowed', reason: 'session_key_revoked' };
  if (code === undefined) return { ending: 'access_denied', reason: 'no_code' };
  if (record === undefined) return { ending: 'temporarily_unavailable', reason: 'link_record_missing' };
  if (granted === undefined) return { ending: 'temporarily_unavailable', reason: QUOTA_USED };

  // 4. The exchange, once. Beside it the user's current connection, which decides most links.
  const user = { appId: state.app, userId: record.user };
  const [grant, current] = await Promise.all([
    deps.withings.exchangeCode(granted, { code, redirectUri: callbackUrl }),
    currentConnection(deps.db, user),
  ]);
  if (!grant.ok) return { ending: linkErrorFor(grant.failure), reason: grant.failure.kind };
  // RFC 6749, 5.1: an answer without a scope granted what was requested. An answer without measurements granted less.
  const scope = grant.value.scope ?? deps.settings.scope;
  if (!scope.includes(MEASUREMENTS_SCOPE)) return { ending: 'access_denied', reason: 'scope_not_granted' };

  // 5. Who may link whom; then the sealed tokens and the outcome into D1.
  const sameBrowser = await isSameBrowser(record, binding);
  const kept = await storeGrant(
    deps,
    {
      ...user,
      ...policyOf(target),
      origin: new URL(callbackUrl).origin,
      kind: record.kind,
      isDemo: record.demo === true,
      sameBrowser,
      grant: grant.value,
      scope,
      claim,
    },
    current.ok ? current.value : undefined,
  );
  if (!kept.ok) return { ending: 'temporarily_unavailable', reason: kept.failure.kind };
  return { ...kept.value, reason: `${target.linkPolicy}_policy` };
};

const policyOf = ({ linkPolicy, historyOnConnect }: LinkTarget) => ({ policy: linkPolicy, historyOnConnect });

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

/** The app's `state`. One that does not open is left out, so the app refuses the answer as it refuses a forged one. */
const appStateOf = async (deps: Deps, { jti, st }: Issued<StateClaims>): Promise<string | undefined> => {
  if (st === undefined) return undefined;
  const opened = await openAppState(deps.keyring, jti, st);
  return opened.ok ? opened.value : undefined;
};

const linkErrorFor = ({ kind }: WithingsFailure): LinkError => LINK_ERROR_OF[kind];

/** What the app learns of a failed exchange. A new failure of the client does not compile without an entry. */
const LINK_ERROR_OF: Record<WithingsFailure['kind'], LinkError> = {
  code_rejected: 'code_rejected',
  client_rejected: 'server_error',
  invalid_params: 'server_error',
  timeout: 'temporarily_unavailable',
  network: 'temporarily_unavailable',
  http_error: 'temporarily_unavailable',
  body_too_large: 'temporarily_unavailable',
  not_json: 'temporarily_unavailable',
  malformed: 'temporarily_unavailable',
  throttled: 'temporarily_unavailable',
  upstream_error: 'temporarily_unavailable',
  // These are answers to other requests than an exchange.
  unauthorized: 'temporarily_unavailable',
  insufficient_scope: 'temporarily_unavailable',
  not_implemented: 'temporarily_unavailable',
  refresh_token_rejected: 'temporarily_unavailable',
  callback_refused: 'temporarily_unavailable',
  subscription_unknown: 'temporarily_unavailable',
  subscription_kept: 'temporarily_unavailable',
};

/** Withings' scope for measurements. A connection without it is useless. */
const MEASUREMENTS_SCOPE = 'user.metrics';

const isSameBrowser = async (record: LinkRecord, binding: string | undefined): Promise<boolean> =>
  binding !== undefined && constantTimeEqual(await hashCredential(binding), record.binding);

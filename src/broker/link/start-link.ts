import { hashCredential, hex } from '../../crypto/credential.ts';
import {
  CONNECT_SESSION,
  type ConnectSessionClaims,
  sealAppState,
  STATE,
  type StateClaims,
} from '../../crypto/link-tokens.ts';
import { type Issued, sign, verify } from '../../crypto/signed-token.ts';
import type { AppId } from '../../domain/app-id.ts';
import { APP_STATE_RULE, isAppState } from '../../domain/app-state.ts';
import type { Failure } from '../../domain/failure.ts';
import { type LinkKind, STATE_LIFETIME_MS } from '../../domain/link.ts';
import {
  isPlausibleRedirectUri,
  matches,
  openLoopbackPort,
  registrationCandidates,
} from '../../domain/redirect-uri/match.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { type UserId, parseUserId } from '../../domain/user-id.ts';
import { linkTarget } from '../../store/link/links.ts';
import type { Deps } from '../deps.ts';
import { explainMismatch } from './explain-mismatch.ts';
import { keepLinkRecord } from './link-record.ts';

/** An authorization request: a user and a redirect URI, or a connect session that names both. */
export type LinkRequest = {
  appId: AppId;
  link:
    | { userId: string; redirectUri: string; appState?: string | undefined; switchAccount?: boolean | undefined }
    | { session: string };
  /** Whether the link ends on a page with a button, for browsers on machines without the app. */
  endsOnPage: boolean;
  /** The binding cookie that the browser sent, if any. */
  binding: string | undefined;
  /** Where Withings redirects the browser to. */
  callbackUrl: string;
};

export type StartedLink = {
  authorizeUrl: string;
  /** The value for the binding cookie. */
  binding: string;
  bindingSeconds: number;
};

/**
 * Starts a link: checks the request against the app's allowlist and makes the signed state. Costs one D1 query and one
 * KV write, of the record that the state refers to. D1 is not written before a verified callback.
 */
export const startLink = async (deps: Deps, request: LinkRequest): Promise<Result<StartedLink, Failure>> => {
  const wanted = await wantedLink(deps, request);
  if (!wanted.ok) return wanted;
  const { userId, redirectUri, appState, switchAccount, session } = wanted.value;

  const minted = session && { minter: session, now: deps.now() };
  const found = await linkTarget(deps.db, request.appId, registrationCandidates(redirectUri), minted);
  if (!found.ok) return found;
  const target = found.value;
  if (target === undefined) return fail({ kind: 'app_not_found', withoutCredential: true });
  if (target.isMinterGone) return sessionRefused('was made with a key that has been revoked');
  if (target.disabledAt !== undefined) return fail({ kind: 'app_disabled' });
  const entry = target.registered.find(({ uri }) => matches(uri, redirectUri, target));
  if (entry === undefined) return fail(await explainMismatch(deps, request.appId, redirectUri));
  if (target.linkPolicy === 'session' && session === undefined) return fail({ kind: 'session_required' });

  const binding = isBinding(request.binding) ? request.binding : hex(deps.random(BINDING_BYTES));
  const port = openLoopbackPort(entry.uri, redirectUri);
  const state = await makeState(deps, {
    userId,
    appState,
    kind: session === undefined ? 'open' : 'session',
    binding,
    isDemo: target.demoAccount,
    claims: {
      app: target.id,
      uri: entry.id,
      ...(port !== undefined && { port }),
      ...(request.endsOnPage && { page: true }),
      ...(session !== undefined && { ses: sessionClaims(session) }),
    },
  });
  return ok({
    authorizeUrl: deps.withings.authorizeUrl({
      state,
      redirectUri: request.callbackUrl,
      scope: deps.settings.scope,
      switchAccount,
      demo: target.demoAccount,
    }),
    binding,
    bindingSeconds: STATE_LIFETIME_MS / 1000,
  });
};

type WantedLink = {
  userId: UserId;
  redirectUri: string;
  appState: string | undefined;
  switchAccount: boolean;
  session: Issued<ConnectSessionClaims> | undefined;
};

const wantedLink = async (deps: Deps, { appId, link }: LinkRequest): Promise<Result<WantedLink, Failure>> => {
  if ('session' in link) {
    const session = await verify(deps.keyring, CONNECT_SESSION, link.session, deps.now());
    if (!session.ok || session.value.app !== appId) {
      return sessionRefused(
        session.ok || session.failure.kind === 'invalid' ? 'was not made for this app' : 'has expired',
      );
    }
    return ok({
      userId: session.value.sub,
      redirectUri: session.value.uri,
      appState: session.value.st,
      switchAccount: session.value.sw === true,
      session: session.value,
    });
  }
  const userId = parseUserId(link.userId);
  if (!userId.ok) return fail({ kind: 'invalid_parameter', parameter: 'user_id', detail: userId.failure.detail });
  if (!isPlausibleRedirectUri(link.redirectUri)) {
    return fail({
      kind: 'redirect_uri_not_allowed',
      explanation: 'It is empty, too long, or has characters that no registered URI has (spaces, controls, non-ASCII).',
      wanted: undefined,
    });
  }
  const { appState, switchAccount = false } = link;
  if (appState !== undefined && !isAppState(appState)) {
    return fail({ kind: 'invalid_parameter', parameter: 'state', detail: APP_STATE_RULE });
  }
  return ok({ userId: userId.value, redirectUri: link.redirectUri, appState, switchAccount, session: undefined });
};

const sessionRefused = (why: string) =>
  fail({
    kind: 'invalid_parameter',
    parameter: 'session',
    detail: `The connect session ${why}. Ask the app's backend for a new one.`,
  } as const);

/** What a state keeps of its connect session: what is needed to claim it, and to see whether its key was revoked. */
const sessionClaims = ({ jti, expiresAt, key, acc, tok }: Issued<ConnectSessionClaims>): StateClaims['ses'] => ({
  id: jti,
  exp: expiresAt,
  key,
  acc,
  tok,
});

const BINDING_BYTES = 16;
const isBinding = (value: string | undefined): value is string => value !== undefined && /^[0-9a-f]{32}$/.test(value);

const makeState = async (
  deps: Deps,
  link: {
    userId: UserId;
    appState: string | undefined;
    kind: LinkKind;
    binding: string;
    isDemo: boolean;
    claims: StateClaims;
  },
): Promise<string> => {
  const now = deps.now();
  const expiresAt = now + STATE_LIFETIME_MS;
  const jti = hex(deps.random(16));
  const record = {
    user: link.userId,
    kind: link.kind,
    binding: await hashCredential(link.binding),
    ...(link.isDemo && { demo: true }),
  };
  const carried = await keepLinkRecord(deps, { appId: link.claims.app, id: jti, expiresAt }, record);
  const { appState } = link;
  const claims = {
    ...link.claims,
    ...(carried !== undefined && { rec: carried }),
    ...(appState !== undefined && { st: await sealAppState(deps.keyring, jti, appState) }),
  };
  return sign(deps.keyring, STATE, claims, { jti, now, expiresAt });
};

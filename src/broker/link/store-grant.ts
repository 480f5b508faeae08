import { hashCredential, mintCredential } from '../../crypto/credential.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { HistoryOnConnect, LinkPolicy } from '../../domain/app.ts';
import { asConnectionId, type ConnectionId } from '../../domain/connection-id.ts';
import type { StorageFailure } from '../../domain/failure.ts';
import { decideLink, type LinkedConnection, type LinkOutcome, type LinkKind } from '../../domain/link.ts';
import { ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import type { UserId } from '../../domain/user-id.ts';
import { activateConnection } from '../../store/link/activation.ts';
import { type Claim, recordOutcomeStatement } from '../../store/link/claims.ts';
import { connectionsForLinking, othersOnAccount } from '../../store/link/connections.ts';
import { addPendingConnection } from '../../store/link/pending-connections.ts';
import type { TokenGrant } from '../../withings/token.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { subscriptionStatements } from '../notify/want-subscription.ts';
import { sealTokens } from '../tokens/sealed-tokens.ts';
import { prepareActivation } from './activation.ts';

/** How long an app's backend has to confirm a pending connection. */
const PENDING_LIFETIME_MS = 15 * MINUTE_MS;

/** Two callbacks of one user may run at once. Each round reads what the other wrote. */
const MAX_DECISIONS = 3;

/** New tokens of Withings, and all that decides what happens to them. */
export type GrantToKeep = {
  appId: AppId;
  userId: UserId;
  policy: LinkPolicy;
  historyOnConnect: HistoryOnConnect;
  /** Where Withings reaches the broker; undefined if nothing is subscribed. */
  origin?: string | undefined;
  kind: LinkKind;
  isDemo: boolean;
  sameBrowser: boolean;
  grant: Omit<TokenGrant, 'scope'>;
  /** The scopes of the connection. */
  scope: readonly string[];
  claim: Claim;
};

/**
 * Decides what a completed link becomes, and stores it together with its outcome in one transaction. The tokens of a
 * refused link are dropped unused.
 *
 * @param current the user's current connection, if it was read. It decides most links: storing checks the rest, and if
 *   that is otherwise, everything is read
 */
export const storeGrant = async (
  deps: Deps,
  link: GrantToKeep,
  current: LinkedConnection[] | undefined,
): Promise<Result<KeptGrant, StorageFailure>> => {
  const { appId, userId, isDemo } = link;
  const pair = { appId, userId, withingsUserId: link.grant.withingsUserId, isDemo };
  let part = current;
  for (let decisions = 0; decisions <= MAX_DECISIONS; decisions += 1) {
    const isPart = part !== undefined;
    const view =
      part === undefined ? await connectionsForLinking(deps.db, pair) : ok({ known: part, othersOnAccount: NOT_READ });
    part = undefined;
    if (!view.ok) return view;
    const decision = decideLink({ ...link, ...view.value, withingsUserId: pair.withingsUserId });
    if (decision.kind === 'refuse') {
      if (isPart) continue;
      return ok({ ending: decision.error });
    }
    const connectionId = decision.connectionId ?? newConnectionId(deps);
    const kept = await (decision.kind === 'hold'
      ? createPending(deps, link, connectionId)
      : activate(deps, link, connectionId, decision.mayReplace));
    if (!kept.ok) return kept;
    if (kept.value === undefined) continue;
    if (kept.value.ending === 'connected') deps.waitUntil(logSharing(deps, pair));
    return ok(kept.value);
  }
  return ok({ ending: 'temporarily_unavailable' });
};

/** Storing refuses an account that another user has, if the app does. */
const NOT_READ = 'none' as const;

/** What became of a grant: with the ticket of a pending connection, or the connection whose history is read now. */
export type KeptGrant = { ending: LinkOutcome; ticket?: Secret; pull?: ConnectionId };

/** Logs, behind the answer, that other users of the app are connected to the account. */
const logSharing = async (deps: Deps, pair: Parameters<typeof othersOnAccount>[1]): Promise<void> => {
  const others = await othersOnAccount(deps.db, pair);
  if (!others.ok || others.value === 'none') return;
  await logAbout(deps, pair, { level: 'warn', event: 'link', outcome: 'account_shared' });
};

const activate = async (
  deps: Deps,
  { appId, userId, grant, scope, claim, historyOnConnect, origin, isDemo }: GrantToKeep,
  connectionId: ConnectionId,
  mayReplace: boolean,
): Promise<Result<KeptGrant | undefined, StorageFailure>> => {
  const now = deps.now();
  const activation = await prepareActivation(
    deps,
    {
      id: connectionId,
      appId,
      userId,
      withingsUserId: grant.withingsUserId,
      isDemo,
      scope: scope.join(','),
      accessToken: grant.accessToken,
      refreshToken: grant.refreshToken,
      accessExpiresAt: now + grant.expiresInSeconds * SECOND_MS,
      mayReplace,
      historyOnConnect,
      ticketHash: null,
    },
    now,
  );
  const outcome = recordOutcomeStatement(deps.db, claim, 'connected');
  const activated = await activateConnection(deps.db, activation, now, [
    outcome,
    ...subscriptionStatements(deps, activation, origin),
  ]);
  if (!activated.ok) return activated;
  if (!activated.value) return ok(undefined);
  return ok({ ending: 'connected', ...(historyOnConnect !== 'none' && { pull: connectionId }) });
};

const createPending = async (
  deps: Deps,
  { appId, userId, grant, scope, claim, isDemo }: GrantToKeep,
  connectionId: ConnectionId,
): Promise<Result<KeptGrant | undefined, StorageFailure>> => {
  const now = deps.now();
  const ticket = await mintCredential('ticket', deps.random);
  const pending = {
    ticketHash: await hashCredential(ticket),
    appId,
    userId,
    withingsUserId: grant.withingsUserId,
    connectionId,
    scope: scope.join(','),
    ...(await sealTokens(deps, { appId, connectionId }, grant)),
    accessExpiresAt: now + grant.expiresInSeconds * SECOND_MS,
    createdAt: now,
    expiresAt: now + PENDING_LIFETIME_MS,
    isDemo,
  };
  const stored = await addPendingConnection(deps.db, pending, [recordOutcomeStatement(deps.db, claim, 'pending')]);
  if (!stored.ok) return stored;
  return ok(stored.value ? { ending: 'pending', ticket: secret(ticket) } : undefined);
};

/**
 * A connection's id: 47 random bits, known before the row exists. Every measurement repeats it, and a longer one takes
 * two bytes more.
 */
const newConnectionId = ({ random }: Pick<Deps, 'random'>): ConnectionId => {
  const bytes = random(7);
  return asConnectionId(bytes.reduce((id, byte) => id * 256 + byte, 0) % 2 ** 47);
};

import { hashCredential, mintCredential } from '../../crypto/credential.ts';
import type { LinkPolicy } from '../../domain/app.ts';
import { asConnectionId, type ConnectionId } from '../../domain/connection-id.ts';
import type { StorageFailure } from '../../domain/failure.ts';
import { decideLink, type LinkOutcome, type LinkKind } from '../../domain/link.ts';
import { ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { activateConnection } from '../../store/link/activation.ts';
import { type Claim, noteOutcomeStatement } from '../../store/link/claims.ts';
import { connectionsForLinking } from '../../store/link/connections.ts';
import { addPendingConnection } from '../../store/link/pending-connections.ts';
import type { TokenGrant } from '../../withings/token.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { sealTokens } from '../tokens/sealed-tokens.ts';
import { prepareActivation } from './activation.ts';

/** How long an app's backend has to confirm a pending connection. */
const PENDING_LIFETIME_MS = 15 * MINUTE_MS;

/** Two callbacks of one user may run at once. Each round reads what the other wrote. */
const MAX_DECISIONS = 3;

/** New tokens of Withings, and all that decides what happens to them. */
export type GrantToKeep = {
  appId: string;
  userId: string;
  policy: LinkPolicy;
  kind: LinkKind;
  sameBrowser: boolean;
  grant: Omit<TokenGrant, 'scope'>;
  /** The scopes of the connection. */
  scope: readonly string[];
  claim: Claim;
};

/**
 * Decides what a completed link becomes, and stores it together with its outcome in one transaction. The tokens of a
 * refused link are dropped unused.
 */
export const storeGrant = async (
  deps: Deps,
  link: GrantToKeep,
): Promise<Result<{ ending: LinkOutcome; ticket?: Secret }, StorageFailure>> => {
  const { withingsUserId } = link.grant;
  for (let decisions = 1; decisions <= MAX_DECISIONS; decisions += 1) {
    const known = await connectionsForLinking(deps.db, { ...link, withingsUserId });
    if (!known.ok) return known;
    const decision = decideLink({ ...link, ...known.value, withingsUserId });
    if (decision.kind === 'refuse') return ok({ ending: decision.error });
    const connectionId = decision.connectionId ?? newConnectionId(deps);
    if (decision.kind === 'hold') return createPending(deps, link, connectionId);
    const activated = await activate(deps, link, connectionId, decision.mayReplace);
    if (!activated.ok) return activated;
    if (!activated.value) continue;
    if (known.value.othersOnAccount !== 'none') {
      await logAbout(deps, link, { level: 'warn', event: 'link', outcome: 'account_shared' });
    }
    return ok({ ending: 'connected' });
  }
  return ok({ ending: 'temporarily_unavailable' });
};

const activate = async (
  deps: Deps,
  { appId, userId, grant, scope, claim }: GrantToKeep,
  connectionId: ConnectionId,
  mayReplace: boolean,
): Promise<Result<boolean, StorageFailure>> => {
  const now = deps.now();
  const activation = await prepareActivation(
    deps,
    {
      id: connectionId,
      appId,
      userId,
      withingsUserId: grant.withingsUserId,
      scope: scope.join(','),
      accessToken: grant.accessToken,
      refreshToken: grant.refreshToken,
      accessExpiresAt: now + grant.expiresInSeconds * SECOND_MS,
      mayReplace,
      ticketHash: null,
    },
    now,
  );
  return activateConnection(deps.db, activation, now, [noteOutcomeStatement(deps.db, claim, 'connected')]);
};

const createPending = async (
  deps: Deps,
  { appId, userId, grant, scope, claim }: GrantToKeep,
  connectionId: ConnectionId,
): Promise<Result<{ ending: LinkOutcome; ticket?: Secret }, StorageFailure>> => {
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
  };
  const stored = await addPendingConnection(deps.db, pending, [noteOutcomeStatement(deps.db, claim, 'pending')]);
  if (!stored.ok) return stored;
  return ok(stored.value ? { ending: 'pending', ticket: secret(ticket) } : { ending: 'temporarily_unavailable' });
};

/** A connection's id: 52 random bits, known before the row exists. */
const newConnectionId = ({ random }: Pick<Deps, 'random'>): ConnectionId => {
  const bytes = random(7);
  return asConnectionId(bytes.reduce((id, byte) => id * 256 + byte, 0) % 2 ** 52);
};

import { hex } from '../../crypto/credential.ts';
import type { StateClaims } from '../../crypto/link-tokens.ts';
import type { Issued } from '../../crypto/signed-token.ts';
import type { StorageFailure } from '../../domain/failure.ts';
import { type LinkError, sessionMarkExpiresAt, stateMarkExpiresAt } from '../../domain/link.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Secret } from '../../domain/secret.ts';
import { SECOND_MS } from '../../domain/time.ts';
import {
  type ClaimedLink,
  claimedOf,
  claimLink,
  claimStatements,
  type LinkToClaim,
  recordOutcome,
} from '../../store/link/claims.ts';
import type { Deps } from '../deps.ts';
import type { Reservation } from '../withings.ts';

/** A callback's claim to its state. */

/** A claim, and the request to Withings that was granted to it; undefined if none was. */
export type ClaimedWithRequest = ClaimedLink & { granted: Reservation | undefined };

/** What a callback claims. */
export const linkToClaim = ({ random }: Deps, { jti, expiresAt, app, uri, ses }: Issued<StateClaims>): LinkToClaim => ({
  state: { id: jti, expiresAt: stateMarkExpiresAt(expiresAt) },
  session: ses && { id: ses.id, expiresAt: sessionMarkExpiresAt(ses.exp), minter: ses },
  appId: app,
  redirectUriId: uri,
  claimant: hex(random(16)),
});

/**
 * Claims a state, and takes a request of the links' share for its code, in one round trip. A claim that is lost takes
 * none. Retried if D1 does not answer: the state may be used by then, so the person cannot try again. A request that
 * was counted twice is free again within seconds.
 */
export const claimWithRequest = async (
  deps: Deps,
  link: LinkToClaim,
  { code, mayWait }: { code: Secret | undefined; mayWait: boolean },
): Promise<Result<ClaimedWithRequest, StorageFailure>> => {
  if (code === undefined) {
    const claimed = await claimLink(deps.db, link, deps.now());
    return claimed.ok ? ok({ ...claimed.value, granted: undefined }) : claimed;
  }
  const asker = {
    share: 'link',
    waitMs: mayWait ? MAX_QUOTA_WAIT_MS : 0,
    onlyIf: { sql: 'changes() > 0', values: [] },
  } as const;
  const taken = await deps.withings.reserveWith(asker, 1, [], claimStatements(deps.db, link, deps.now()));
  if (!taken.ok) return taken;
  return ok({ ...claimedOf(link, taken.value.results), granted: taken.value.granted });
};

/**
 * Stores an error of a link for repeated callbacks, and frees the connect session of one that asked nothing of
 * Withings.
 */
export const recordLinkError = (
  deps: Deps,
  { state, session, claimant }: LinkToClaim,
  error: LinkError,
  reason: string,
) => recordOutcome(deps.db, state, error, reason === QUOTA_USED && session ? { id: session.id, claimant } : undefined);

/** No request was sent to Withings, so the connect session can be used again. */
export const QUOTA_USED = 'withings_quota_used';
/** How long a link may wait for its turn. A code lives 30 seconds, and its exchange takes up to ten. */
const MAX_QUOTA_WAIT_MS = 10 * SECOND_MS;

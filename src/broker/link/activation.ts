import { hex } from '../../crypto/credential.ts';
import { nextRefreshAt } from '../../domain/refresh.ts';
import type { Secret } from '../../domain/secret.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { Activation } from '../../store/link/activation.ts';
import { type Deps, uniform } from '../deps.ts';
import { sealTokens } from '../tokens/sealed-tokens.ts';
import { newEvent } from '../webhooks/record.ts';

/** Who is linked to which Withings account, and the tokens. */
type Linked = Pick<
  Activation,
  | 'id'
  | 'appId'
  | 'userId'
  | 'withingsUserId'
  | 'isDemo'
  | 'scope'
  | 'accessExpiresAt'
  | 'mayReplace'
  | 'historyOnConnect'
  | 'ticketHash'
> & {
  accessToken: Secret;
  refreshToken: Secret;
};

/**
 * The connection to store, after a callback or when a pending connection is confirmed. Its tokens are sealed to its id.
 */
export const prepareActivation = async (
  deps: Deps,
  { accessToken, refreshToken, ...linked }: Linked,
  now: EpochMs,
): Promise<Activation> => ({
  ...linked,
  ...(await sealTokens(deps, { appId: linked.appId, connectionId: linked.id }, { accessToken, refreshToken })),
  nextRefreshAt: nextRefreshAt(
    { accessExpiresAt: linked.accessExpiresAt, lastUsedAt: now },
    deps.settings.refreshPolicy,
    now,
    uniform(deps.random),
  ),
  rotationId: hex(deps.random(16)),
  event: newEvent(deps, { appId: linked.appId, type: 'connection.created', connectionId: linked.id }),
});

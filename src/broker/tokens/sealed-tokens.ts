import { type OpenFailure, open, seal } from '../../crypto/seal.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { ConnectionId } from '../../domain/connection-id.ts';
import { ok, type Result } from '../../domain/result.ts';
import { secret, type Secret } from '../../domain/secret.ts';
import type { Deps } from '../deps.ts';

/** The columns that hold a sealed token. A blob that is moved from one column to the other does not open. */
export type TokenField = 'access_token' | 'refresh_token';

export type TokenOwner = { appId: AppId; connectionId: ConnectionId };

/** Seals a pair of tokens. Only the same connection can open them. */
export const sealTokens = async (
  deps: Pick<Deps, 'keyring'>,
  owner: TokenOwner,
  tokens: { accessToken: Secret; refreshToken: Secret },
): Promise<{ accessTokenSealed: string; refreshTokenSealed: string }> => {
  const [accessTokenSealed, refreshTokenSealed] = await Promise.all([
    sealToken(deps, owner, 'access_token', tokens.accessToken),
    sealToken(deps, owner, 'refresh_token', tokens.refreshToken),
  ]);
  return { accessTokenSealed, refreshTokenSealed };
};

export const sealToken = (
  deps: Pick<Deps, 'keyring'>,
  owner: TokenOwner,
  field: TokenField,
  token: Secret,
): Promise<string> => seal(deps.keyring, 'seal-token', placeOf(owner, field), token.reveal());

/** Opens a sealed token of a connection. The previous refresh token opens as a refresh token. */
export const openToken = async (
  deps: Pick<Deps, 'keyring'>,
  owner: TokenOwner,
  field: TokenField,
  sealed: string,
): Promise<Result<Secret, OpenFailure>> => {
  const opened = await open(deps.keyring, 'seal-token', placeOf(owner, field), sealed);
  return opened.ok ? ok(secret(opened.value)) : opened;
};

const placeOf = ({ appId, connectionId }: TokenOwner, field: TokenField): string[] => [
  appId,
  String(connectionId),
  field,
];

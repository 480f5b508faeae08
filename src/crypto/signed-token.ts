import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import type * as z from 'zod';

import { fail, ok, type Result } from '../domain/result.ts';
import { type EpochMs, toSeconds } from '../domain/time.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/**
 * Signed tokens (JWT, HS256; RFC 7519, RFC 8725). Each kind has its own key, `typ` and `aud`, so that none passes for another.
 */
export type SignedTokenKind<Claims> = {
  purpose: Extract<KeyPurpose, `sign-${string}`>;
  typ: string;
  audience: string;
  claims: z.ZodType<Claims>;
};

/** Claims of every kind: a random id and when it ends. */
export type Issued<Claims> = Claims & { jti: string; expiresAt: EpochMs };

/** `expired` was once good, and says what it said; `invalid` was never ours, or not of this kind. */
export type TokenFailure<Claims> = { kind: 'expired'; claims: Claims | undefined } | { kind: 'invalid' };

/** Signs `claims` under the ring's current key. */
export const sign = async <Claims extends JWTPayload>(
  ring: Keyring,
  kind: SignedTokenKind<Claims>,
  claims: Claims,
  { jti, now, expiresAt }: { jti: string; now: EpochMs; expiresAt: EpochMs },
): Promise<string> => {
  const key = await ring.derive(ring.currentKeyId, kind.purpose);
  if (key === undefined) throw new Error('a keyring always holds its current key');
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: kind.typ, kid: ring.currentKeyId })
    .setAudience(kind.audience)
    .setJti(jti)
    .setIssuedAt(toSeconds(now))
    .setExpirationTime(toSeconds(expiresAt))
    .sign(key);
};

/** Verifies a token of one kind; costs no I/O. */
export const verify = async <Claims>(
  ring: Keyring,
  kind: SignedTokenKind<Claims>,
  token: string,
  now: EpochMs,
): Promise<Result<Issued<Claims>, TokenFailure<Claims>>> => {
  try {
    const { payload } = await jwtVerify(
      token,
      async ({ kid }) => {
        const key = kid === undefined ? undefined : await ring.derive(kid, kind.purpose);
        if (key === undefined) throw new errors.JWKSNoMatchingKey();
        return key;
      },
      {
        algorithms: ['HS256'],
        typ: kind.typ,
        audience: kind.audience,
        currentDate: new Date(now),
        requiredClaims: ['jti', 'iat', 'exp'],
      },
    );
    const claims = kind.claims.safeParse(payload);
    if (!claims.success || payload.iat === undefined || payload.iat > toSeconds(now) + CLOCK_SKEW_SECONDS) {
      return fail({ kind: 'invalid' });
    }
    return ok({ ...claims.data, jti: String(payload.jti), expiresAt: Number(payload.exp) * 1000 });
  } catch (error) {
    // Thrown when the signature, the kind and the audience were found good.
    if (error instanceof errors.JWTExpired) {
      return fail({ kind: 'expired', claims: kind.claims.safeParse(error.payload).data });
    }
    if (error instanceof errors.JOSEError) return fail({ kind: 'invalid' });
    throw error;
  }
};

/** Two isolates' clocks may differ by this much; a token from further in the future is not ours. */
const CLOCK_SKEW_SECONDS = 30;

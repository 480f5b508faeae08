import { errors, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import type * as z from 'zod';

import { fail, ok, type Result } from '../domain/result.ts';
import { type EpochMs, toSeconds } from '../domain/time.ts';
import type { Keyring, KeyPurpose } from './keyring.ts';

/**
 * Signed tokens (JWT, HS256; RFC 7519, RFC 8725). Each kind has its own key, `typ` and `aud`, so none is valid as
 * another.
 */
export type SignedTokenKind<Claims> = {
  purpose: Extract<KeyPurpose, `sign-${string}`>;
  typ: string;
  audience: string;
  claims: z.ZodType<Claims>;
};

/** Claims of every kind: a random id and the expiry. */
export type Issued<Claims> = Claims & { jti: string; expiresAt: EpochMs };

/**
 * `expired`: was valid once, so its claims can be trusted. `invalid`: never issued by this broker, or of another kind.
 */
export type TokenFailure<Claims> = { kind: 'expired'; claims: Claims | undefined } | { kind: 'invalid' };

/** Signs `claims` under the ring's current key. */
export const sign = async <Claims extends JWTPayload>(
  ring: Keyring,
  kind: SignedTokenKind<Claims>,
  claims: Claims,
  { jti, now, expiresAt }: { jti: string; now: EpochMs; expiresAt: EpochMs },
): Promise<string> => {
  const key = await ring.deriveCurrent(kind.purpose);
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
    // jose throws this only after it verified signature, `typ` and `aud`.
    if (error instanceof errors.JWTExpired) {
      return fail({ kind: 'expired', claims: kind.claims.safeParse(error.payload).data });
    }
    if (error instanceof errors.JOSEError) return fail({ kind: 'invalid' });
    throw error;
  }
};

/** How much the clocks of two isolates may differ. A token from further in the future is invalid. */
const CLOCK_SKEW_SECONDS = 30;

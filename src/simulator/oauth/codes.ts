import type { Clock } from '../clock.ts';
import { randomHex40, type Random } from '../random.ts';

/** An authorization code lives 30 seconds. */
const CODE_LIFETIME_MS = 30 * 1000;

type AuthorizationCode = {
  code: string;
  clientId: string;
  redirectUri: string;
  userid: number;
  scopes: string[];
  issuedAtMs: number;
  used: boolean;
};

export type Codes = {
  issue: (code: Omit<AuthorizationCode, 'code' | 'issuedAtMs' | 'used'>) => string;
  find: (code: string) => AuthorizationCode | undefined;
  /** Neither used nor 30 seconds old. */
  live: (code: AuthorizationCode) => boolean;
};

/** The authorization codes issued so far; used and expired ones are kept, so that a replay is recognized. */
export const createCodes = (clock: Clock, random: Random): Codes => {
  const codes = new Map<string, AuthorizationCode>();
  return {
    issue: (fields) => {
      const code = randomHex40(random);
      codes.set(code, { ...fields, code, issuedAtMs: clock.now(), used: false });
      return code;
    },
    find: (code) => codes.get(code),
    live: (code) => !code.used && clock.now() - code.issuedAtMs < CODE_LIFETIME_MS,
  };
};

import type { Clock } from '../clock.ts';
import { randomHex40, type Random } from '../random.ts';

/** A nonce is single use and lives 30 minutes. */
const NONCE_LIFETIME_MS = 30 * 60 * 1000;

export type Nonces = {
  issue: (clientId: string) => string;
  /** Uses up the nonce; false if it is unknown, another client's, used, or 30 minutes old. */
  spend: (nonce: string, clientId: string) => boolean;
};

/** No nonces yet. */
export const createNonces = (clock: Clock, random: Random): Nonces => {
  const nonces = new Map<string, { clientId: string; issuedAtMs: number }>();
  return {
    issue: (clientId) => {
      const nonce = randomHex40(random);
      nonces.set(nonce, { clientId, issuedAtMs: clock.now() });
      return nonce;
    },
    spend: (nonce, clientId) => {
      const known = nonces.get(nonce);
      if (known === undefined || known.clientId !== clientId) return false;
      nonces.delete(nonce);
      return clock.now() - known.issuedAtMs < NONCE_LIFETIME_MS;
    },
  };
};

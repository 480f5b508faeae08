import { fail, ok, type Result } from '../../domain/result.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';

/**
 * Remembers, in one isolate, how many unknown credentials an address sent in this minute, and which credentials were
 * valid. So a flood of invented credentials does not cost a query each. Only hashes and counts, bounded.
 *
 * Many people may share an address (NAT). So a credential that was valid within the hour is always looked up, and user
 * tokens are checked by their signature and are not counted. A valid credential that this isolate has not seen waits at
 * most until the minute ends.
 *
 * What admits callers to an app is noted too: its keys, its managers' tokens, and what minted its user tokens. So is
 * the account of a token. Such callers are counted before they are looked up.
 */
export type CredentialLookupLimiter = {
  /** Whether a credential may be looked up now; if not, how long to wait. */
  mayLookUp: (address: string | undefined, hash: string, now: EpochMs) => Result<void, HeldUp>;
  /** Whether a credential was valid within the hour. */
  isGood: (hash: string, now: EpochMs) => boolean;
  /** The account of an access token that was valid within the hour. */
  accountOf: (hash: string, now: EpochMs) => string | undefined;
  /** Records the result of a lookup, with the account of an access token. */
  note: (address: string | undefined, hash: string, isGood: boolean, now: EpochMs, account?: string) => void;
};

type HeldUp = { kind: 'rate_limited'; retryAfterSeconds: number };

/** As `FAILED_RATE` in `wrangler.toml` allows in a minute. */
const MAX_UNKNOWN = 30;
const GOOD_MS = HOUR_MS;
/** How many addresses and credentials are remembered. */
const MAX_REMEMBERED = 1_000;

export const createCredentialLookupLimiter = (): CredentialLookupLimiter => {
  const unknown = new Map<string, { count: number; since: EpochMs }>();
  const good = new Map<string, { at: EpochMs; account: string | undefined }>();

  const unknownOf = (address: string, now: EpochMs) => {
    const seen = unknown.get(address);
    return seen === undefined || now - seen.since >= MINUTE_MS ? { count: 0, since: now } : seen;
  };
  const isGood = (hash: string, now: EpochMs) => now - (good.get(hash)?.at ?? -GOOD_MS) < GOOD_MS;
  return {
    isGood,
    accountOf: (hash, now) => (isGood(hash, now) ? good.get(hash)?.account : undefined),
    mayLookUp: (address, hash, now) => {
      if (address === undefined || isGood(hash, now)) return ok(undefined);
      const { count, since } = unknownOf(address, now);
      if (count < MAX_UNKNOWN) return ok(undefined);
      return fail({ kind: 'rate_limited', retryAfterSeconds: Math.ceil((since + MINUTE_MS - now) / SECOND_MS) });
    },
    note: (address, hash, isGood, now, account) => {
      if (isGood) return remember(good, hash, { at: now, account });
      good.delete(hash);
      if (address === undefined) return;
      const { count, since } = unknownOf(address, now);
      remember(unknown, address, { count: count + 1, since });
    },
  };
};

/** At the bound, the oldest entry is dropped. */
const remember = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
};

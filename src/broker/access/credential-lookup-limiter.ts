import { fail, ok, type Result } from '../../domain/result.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';

/**
 * What one isolate remembers of credentials, so that a flood of made-up ones does not cost a query each: how many an address has brought
 * within the minute that were unknown, and which ones were good. Hashes and counts, bounded, gone with the isolate.
 *
 * One address may be many people (NAT). So a credential that was good within the hour is looked up whatever its address does, and user
 * tokens, which phones hold, are told by their signature and never get here. A good one that this isolate has not met waits for the minute
 * to end at most.
 */
export type CredentialLookupLimiter = {
  /** Whether a credential may be looked up now; if not, after how long. */
  mayLookUp: (address: string | undefined, hash: string, now: EpochMs) => Result<void, HeldUp>;
  /** Notes what a look-up came to. */
  note: (address: string | undefined, hash: string, isGood: boolean, now: EpochMs) => void;
};

type HeldUp = { kind: 'rate_limited'; retryAfterSeconds: number };

/** As many as `FAILED_RATE` in `wrangler.toml` allows a minute. */
const MAX_UNKNOWN = 30;
const GOOD_MS = HOUR_MS;
/** Addresses, and credentials, that are remembered at a time. */
const MAX_REMEMBERED = 1_000;

/** Remembers nothing yet. */
export const createCredentialLookupLimiter = (): CredentialLookupLimiter => {
  const unknown = new Map<string, { count: number; since: EpochMs }>();
  const good = new Map<string, EpochMs>();

  const unknownOf = (address: string, now: EpochMs) => {
    const seen = unknown.get(address);
    return seen === undefined || now - seen.since >= MINUTE_MS ? { count: 0, since: now } : seen;
  };
  return {
    mayLookUp: (address, hash, now) => {
      if (address === undefined || now - (good.get(hash) ?? -GOOD_MS) < GOOD_MS) return ok(undefined);
      const { count, since } = unknownOf(address, now);
      if (count < MAX_UNKNOWN) return ok(undefined);
      return fail({ kind: 'rate_limited', retryAfterSeconds: Math.ceil((since + MINUTE_MS - now) / SECOND_MS) });
    },
    note: (address, hash, isGood, now) => {
      if (isGood) return remember(good, hash, now);
      good.delete(hash);
      if (address === undefined) return;
      const { count, since } = unknownOf(address, now);
      remember(unknown, address, { count: count + 1, since });
    },
  };
};

/** Beyond the bound the one that was noted longest ago is forgotten. */
const remember = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
};

/**
 * The tokens of people who allowed a client. A grant is one consent; refreshing adds a pair to it.
 *
 * Rotation (Withings guide "Access and refresh tokens"): a refresh token that was refreshed stays usable for 8 hours
 * more. It ends earlier if an access token issued after it is used. Grants are independent: two consents of one person
 * to one client do not touch each other.
 */
import type { Clock } from '../clock.ts';
import { randomHex40, type Random } from '../random.ts';
import type { Settings } from '../settings.ts';

const HOUR_MS = 60 * 60 * 1000;
export const ACCESS_TOKEN_LIFETIME_SECONDS = 3 * 60 * 60;
const ACCESS_TOKEN_LIFETIME_MS = ACCESS_TOKEN_LIFETIME_SECONDS * 1000;
const REFRESH_TOKEN_LIFETIME_MS = 365 * 24 * HOUR_MS;
const SUPERSEDED_REFRESH_TOKEN_MS = 8 * HOUR_MS;

type TokenPair = {
  accessToken: string;
  refreshToken: string;
  issuedAtMs: number;
  /** When a later pair of the grant was issued. */
  supersededAtMs: number | null;
  accessUsed: boolean;
  accessDead: boolean;
  refreshDead: boolean;
};

export type Grant = {
  id: number;
  clientId: string;
  userid: number;
  scopes: string[];
  createdAtMs: number;
  /** In the order of issue. */
  pairs: TokenPair[];
};

export type Held = { grant: Grant; pair: TokenPair };

export type Grants = {
  issue: (fields: Pick<Grant, 'clientId' | 'userid' | 'scopes'>) => Held;
  /** The grant that ever held the access token, live or not. */
  byAccessToken: (token: string) => Held | undefined;
  byRefreshToken: (token: string) => Held | undefined;
  accessLive: (pair: TokenPair) => boolean;
  refreshLive: (pair: TokenPair) => boolean;
  /** A first use of an access token ends the refresh tokens issued before it. */
  use: (held: Held) => void;
  /** Adds a pair; the caller has checked that the refresh token is live. */
  rotate: (grant: Grant) => Held;
  /** Ends every token of the person, of one client or of all. How many live grants it ended. */
  withdraw: (userid: number, clientId?: string) => number;
  all: () => Grant[];
  live: (grant: Grant) => boolean;
};

const kill = (pair: TokenPair) => {
  pair.accessDead = true;
  pair.refreshDead = true;
};

const pairRules = (clock: Clock) => ({
  accessLive: (pair: TokenPair) => !pair.accessDead && clock.now() - pair.issuedAtMs < ACCESS_TOKEN_LIFETIME_MS,
  refreshLive: (pair: TokenPair) =>
    !pair.refreshDead &&
    clock.now() - pair.issuedAtMs < REFRESH_TOKEN_LIFETIME_MS &&
    (pair.supersededAtMs === null || clock.now() - pair.supersededAtMs < SUPERSEDED_REFRESH_TOKEN_MS),
});

/** Pairs by their tokens. */
const createPairs = (clock: Clock, random: Random, grants: readonly Grant[]) => {
  const access = new Map<string, Held>();
  const refresh = new Map<string, Held>();
  const hold = (grant: Grant, pair: TokenPair): Held => {
    const held = { grant, pair };
    access.set(pair.accessToken, held);
    refresh.set(pair.refreshToken, held);
    return held;
  };
  for (const grant of grants) for (const pair of grant.pairs) hold(grant, pair);
  return {
    byAccessToken: (token: string) => access.get(token),
    byRefreshToken: (token: string) => refresh.get(token),
    addPair: (grant: Grant): Held => {
      const pair: TokenPair = {
        accessToken: randomHex40(random),
        refreshToken: randomHex40(random),
        issuedAtMs: clock.now(),
        supersededAtMs: null,
        accessUsed: false,
        accessDead: false,
        refreshDead: false,
      };
      grant.pairs.push(pair);
      return hold(grant, pair);
    },
  };
};

/** Holds the grants given, or none yet. */
export const createGrants = (clock: Clock, random: Random, settings: Settings, grants: Grant[] = []): Grants => {
  const { byAccessToken, byRefreshToken, addPair } = createPairs(clock, random, grants);
  const { accessLive, refreshLive } = pairRules(clock);
  const live = (grant: Grant) => grant.pairs.some((pair) => accessLive(pair) || refreshLive(pair));

  const withdraw = (userid: number, clientId?: string) => {
    const theirs = grants.filter(
      (grant) => grant.userid === userid && (clientId === undefined || grant.clientId === clientId) && live(grant),
    );
    for (const grant of theirs) grant.pairs.forEach(kill);
    return theirs.length;
  };

  return {
    issue: ({ clientId, userid, scopes }) => {
      if (settings.newGrantKillsOlder) withdraw(userid, clientId);
      const grant = { id: grants.length + 1, clientId, userid, scopes, createdAtMs: clock.now(), pairs: [] };
      grants.push(grant);
      return addPair(grant);
    },
    byAccessToken,
    byRefreshToken,
    accessLive,
    refreshLive,
    use: ({ grant, pair }) => {
      pair.accessUsed = true;
      for (const older of grant.pairs.slice(0, grant.pairs.indexOf(pair))) older.refreshDead = true;
    },
    rotate: (grant) => {
      for (const older of grant.pairs) {
        older.supersededAtMs ??= clock.now();
        if (settings.refreshKillsAccessToken) older.accessDead = true;
      }
      return addPair(grant);
    },
    withdraw,
    all: () => grants,
    live,
  };
};

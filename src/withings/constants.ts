/** Limits on what the client accepts from Withings, and on how long it waits. */

/** 10 seconds. A code lives 30 seconds and a browser waits for the exchange, so a longer limit does not help. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** 8 MiB. The largest page on record held 2,062 groups, about 2 MB; a Worker has 128 MB in all. */
export const DEFAULT_MAX_BODY_BYTES = 8 * 1024 * 1024;

/** 10 seconds: the window within which Withings answers 601 to the same arguments. */
export const MIN_THROTTLE_WAIT_SECONDS = 10;

/**
 * 1 hour. The longest recorded wait is 188 seconds. The limit keeps an absurd one from stopping a connection for good.
 */
export const MAX_THROTTLE_WAIT_SECONDS = 3_600;

/** 3 hours, as documented by Withings and seen in every recorded grant. */
export const ACCESS_TOKEN_LIFETIME_SECONDS = 10_800;

/** 1 year: no access token outlives its refresh token. */
export const MAX_ACCESS_TOKEN_LIFETIME_SECONDS = 31_536_000;

/** Tokens and nonces are 40 characters today. They travel in a header, where a few thousand are safe. */
export const MAX_TOKEN_CHARACTERS = 2_048;

/** Names of zones, devices and scopes have some 30 characters at most. */
export const MAX_LABEL_CHARACTERS = 100;

/** 9999-12-31T23:59:59Z: RFC 3339 has no later moment. */
export const MAX_UNIX_SECONDS = 253_402_300_799;

/** Exponents from -4 to 0 are recorded. Within this limit every scaled value is a finite number. */
export const MAX_UNIT_EXPONENT = 30;

/** For answers that name no time zone. Instants do not depend on it. */
export const FALLBACK_TIME_ZONE = 'UTC';

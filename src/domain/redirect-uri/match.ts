/**
 * The check at `auth`: is this exactly a string that the app registered? Nothing here parses, trims, decodes or folds.
 * Every step that makes two spellings equal has been used to bypass such a check (RFC 9700 s4.1.3; RFC 3986 s6.2.1,
 * simple string comparison). The one exception is the port of a loopback literal (RFC 8252 s7.3). It is cut off as
 * text, and the rest is looked up by equality.
 */

/** Longer than anything that can be registered; refused without work. */
const MAX_SENT_LENGTH = 2048;
const visibleAscii = /^[\x21-\x7e]+$/;

/** A loopback literal with a port from 1 to 65535 and a path. RFC 8252 s7.3 lets the port vary. */
const loopbackWithPort = /^(http:\/\/(?:127\.0\.0\.1|\[::1\])):([1-9][0-9]{0,4})(\/.*)$/;

/**
 * Whether `value` (decoded once from the query) could be registered at all: 1 to 2048 characters, each 0x21 to 0x7E.
 */
export const isPlausibleRedirectUri = (value: string): boolean =>
  value.length <= MAX_SENT_LENGTH && visibleAscii.test(value);

const anyPortEntry = (value: string): string | undefined => {
  const [, origin, port, rest] = loopbackWithPort.exec(value) ?? [];
  return origin && rest && Number(port) <= 65_535 ? origin + rest : undefined;
};

/**
 * The registered strings that would permit `value`, for look-up by equality. These are the value itself and, for a
 * loopback literal with a port, the entry without the port. The latter counts only if the app allows loopback. Empty if
 * `value` is not plausible.
 */
export const registrationCandidates = (value: string): string[] => {
  if (!isPlausibleRedirectUri(value)) return [];
  const anyPort = anyPortEntry(value);
  return anyPort === undefined ? [value] : [value, anyPort];
};

/**
 * Whether the entry `registered` permits `value`: byte for byte. If the app allows loopback, so does the any-port entry
 * of a loopback literal (RFC 8252 s7.3). The entry was validated at registration and is not validated again.
 */
export const matches = (registered: string, value: string, options: { allowLoopback: boolean }): boolean => {
  const [exact, anyPort] = registrationCandidates(value);
  if (exact === undefined) return false;
  return registered === exact || (options.allowLoopback && registered === anyPort);
};

/**
 * `registeredUri` with `parameters` appended to its query as text, so that none of its bytes change. Names and values
 * are percent-encoded; a lone surrogate becomes U+FFFD. Expects a registered string: no fragment, no trailing `?`.
 */
export const appendParameters = (registeredUri: string, parameters: Record<string, string>): string => {
  const query = Object.entries(parameters)
    .map((pair) => pair.map((text) => encodeURIComponent(text.toWellFormed())).join('='))
    .join('&');
  if (query === '') return registeredUri;
  return `${registeredUri}${registeredUri.includes('?') ? '&' : '?'}${query}`;
};

/** The port of `value` if its entry allows any port; undefined if `value` is the registered string itself. */
export const openLoopbackPort = (registered: string, value: string): string | undefined =>
  registered === value ? undefined : loopbackWithPort.exec(value)?.[2];

/** Adds a port to an any-port entry: the inverse of `openLoopbackPort`. */
export const withLoopbackPort = (registered: string, port: string): string =>
  registered.replace(/^http:\/\/(?:127\.0\.0\.1|\[::1\])(?=\/)/, (origin) => `${origin}:${port}`);

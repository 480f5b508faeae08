/**
 * The authorise-time check: is this the very string an app registered? Nothing here parses, trims, decodes or folds, because every
 * step that makes two spellings equal has been somebody's bypass (RFC 9700 s4.1.3; RFC 3986 s6.2.1, simple string comparison).
 * The single exception, the port of a loopback literal (RFC 8252 s7.3), is a textual cut that is then looked up by equality as well.
 */

/** Longer than anything that can be registered, short enough to refuse without work. */
const MAX_SENT_LENGTH = 2048;
const visibleAscii = /^[\x21-\x7e]+$/;

/** A loopback literal with a port from 1 to 65535 and a path; the port is what RFC 8252 s7.3 lets vary. */
const loopbackWithPort = /^(http:\/\/(?:127\.0\.0\.1|\[::1\])):([1-9][0-9]{0,4})(\/.*)$/;

/** Whether `value` (decoded once from the query) could be a registered string at all: 1 to 2048 characters, each 0x21 to 0x7E. */
export const isPlausibleRedirectUri = (value: string): boolean =>
  value.length <= MAX_SENT_LENGTH && visibleAscii.test(value);

const anyPortEntry = (value: string): string | undefined => {
  const [, origin, port, rest] = loopbackWithPort.exec(value) ?? [];
  return origin && rest && Number(port) <= 65_535 ? origin + rest : undefined;
};

/**
 * The registered strings that would permit `value`, for look-up by equality: itself, then, for a loopback literal with a port, the
 * entry without one, which counts only if the app allows loopback. Empty when `value` is not plausible.
 */
export const registrationCandidates = (value: string): string[] => {
  if (!isPlausibleRedirectUri(value)) return [];
  const anyPort = anyPortEntry(value);
  return anyPort === undefined ? [value] : [value, anyPort];
};

/**
 * Whether the entry `registered` permits `value`: byte for byte, or, if the app allows loopback, as the any-port entry of a loopback
 * literal (RFC 8252 s7.3). Registration decided whether `registered` may stand; it is not judged again.
 */
export const matches = (registered: string, value: string, options: { allowLoopback: boolean }): boolean => {
  const [exact, anyPort] = registrationCandidates(value);
  if (exact === undefined) return false;
  return registered === exact || (options.allowLoopback && registered === anyPort);
};

/**
 * `registeredUri` with `parameters` appended to its query as text, so that not a byte of it changes. Names and values are
 * percent-encoded; a lone surrogate becomes U+FFFD. Expects a registered string: no fragment, no dangling `?`.
 */
export const appendParameters = (registeredUri: string, parameters: Record<string, string>): string => {
  const query = Object.entries(parameters)
    .map((pair) => pair.map((text) => encodeURIComponent(text.toWellFormed())).join('='))
    .join('&');
  if (query === '') return registeredUri;
  return `${registeredUri}${registeredUri.includes('?') ? '&' : '?'}${query}`;
};

/** The port that `value` has and its any-port entry leaves open; undefined where `value` is the registered string itself. */
export const openLoopbackPort = (registered: string, value: string): string | undefined =>
  registered === value ? undefined : loopbackWithPort.exec(value)?.[2];

/** The any-port entry with a port put in: what `openLoopbackPort` took out. */
export const withLoopbackPort = (registered: string, port: string): string =>
  registered.replace(/^http:\/\/(?:127\.0\.0\.1|\[::1\])(?=\/)/, (origin) => `${origin}:${port}`);

/**
 * Explains to a developer why a redirect URI is not registered: which entry they probably meant, and how theirs
 * differs. It compares loosely, so it is only a hint. The check itself (match.ts) must never do that.
 */

export type RedirectUriDifference =
  | 'whitespace'
  | 'control_character'
  | 'non_ascii'
  | 'percent_encoding'
  | 'case'
  | 'scheme'
  | 'slashes'
  | 'userinfo'
  | 'host'
  | 'port'
  | 'path'
  | 'trailing_slash'
  | 'query'
  | 'fragment';

export type NearestRegistered = { uri: string; differences: RedirectUriDifference[]; explanation: string };

/** A loopback literal registered without a port, which permits every port (RFC 8252 s7.3). */
const anyPortEntry = /^http:\/\/(?:127\.0\.0\.1|\[::1\])\//;

/** Longer values are not typing errors, and comparing them loosely costs time. */
const MAX_COMPARED_LENGTH = 4096;

const sentences: Record<RedirectUriDifference, string> = {
  whitespace: 'it contains white space',
  control_character: 'it contains control characters',
  non_ascii: 'it contains characters outside ASCII',
  percent_encoding: 'it is percent-encoded differently (encode the whole URI exactly once in the query)',
  case: 'upper and lower case differ',
  scheme: 'the scheme differs',
  slashes: 'the number of slashes after the scheme differs',
  userinfo: 'it has a user name or password before the host',
  host: 'the host differs',
  port: 'the port differs',
  path: 'the path differs',
  trailing_slash: 'only one of them ends its path with a slash',
  query: 'the query differs',
  fragment: 'it has a fragment',
};

/** The weight of each difference: spelling is small, another port or query is larger, another place is largest. */
const distances: Record<RedirectUriDifference, number> = {
  whitespace: 1,
  control_character: 1,
  non_ascii: 1,
  percent_encoding: 1,
  case: 1,
  trailing_slash: 1,
  slashes: 1,
  fragment: 1,
  port: 2,
  query: 2,
  userinfo: 3,
  path: 4,
  scheme: 5,
  host: 6,
};

/** From this distance on, host and path both differ: one URI is not a misspelling of the other. */
const UNRELATED_DISTANCE = 10;

const contentDifferences: readonly (readonly [RedirectUriDifference, RegExp])[] = [
  ['whitespace', /[\s\u200b-\u200d\u2060]/g],
  ['control_character', /\p{Cc}/gu],
];

type Components = Record<'scheme' | 'slashes' | 'userinfo' | 'host' | 'port' | 'path' | 'query' | 'fragment', string>;

/**
 * Each delimiter stays with its component, so an empty component and a missing one differ. The parts joined are the
 * URI.
 */
const componentsOf = (uri: string): Components => {
  const groups = /^(?<scheme>[^:/?#]*:)?(?<slashes>\/*)(?<rest>[^?#]*)(?<query>\?[^#]*)?(?<fragment>#.*)?$/s.exec(
    uri,
  )?.groups;
  const { scheme = '', slashes = '', rest = '', query = '', fragment = '' } = groups ?? {};
  const slash = rest.indexOf('/');
  // With fewer than two slashes there is no authority, only a path (`scheme:/path`).
  const authority = slashes.length < 2 ? '' : slash < 0 ? rest : rest.slice(0, slash);
  const at = authority.lastIndexOf('@') + 1;
  const { host = '', port = '' } = /^(?<host>\[.*\]|[^:]*)(?<port>:.*)?$/s.exec(authority.slice(at))?.groups ?? {};
  return {
    scheme,
    slashes,
    userinfo: authority.slice(0, at),
    host,
    port,
    path: rest.slice(authority.length),
    query,
    fragment,
  };
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/**
 * How `sent` differs from `registered` within one component; `otherwise` is the difference if it is more than spelling.
 */
const differencesIn = (sent: string, registered: string, otherwise: RedirectUriDifference): RedirectUriDifference[] => {
  if (sent === registered) return [];
  if (sent.toLowerCase() === registered.toLowerCase()) return ['case'];
  const [plainSent, plainRegistered] = [decoded(sent), decoded(registered)];
  if (plainSent === plainRegistered) return ['percent_encoding'];
  if (plainSent.toLowerCase() === plainRegistered.toLowerCase()) return ['percent_encoding', 'case'];
  return [otherwise];
};

const pathDifferences = (sent: string, registered: string): RedirectUriDifference[] => {
  if (sent.endsWith('/') === registered.endsWith('/')) return differencesIn(sent, registered, 'path');
  const withoutSlash = differencesIn(sent.replace(/\/$/, ''), registered.replace(/\/$/, ''), 'path');
  return withoutSlash.includes('path') ? ['path'] : [...withoutSlash, 'trailing_slash'];
};

const MAX_PORT = 65_535;

/** Without the port that an any-port entry permits. Cut off before components are, for slashes may be missing. */
const withoutPort = (uri: string): string =>
  uri.replace(/^([^:/?#]*:\/*[^/?#]*):([1-9][0-9]{0,4})(?=[/?#]|$)/, (whole, place: string, port: string) =>
    Number(port) <= MAX_PORT ? place : whole,
  );

const componentDifferences = (sent: string, registered: string): RedirectUriDifference[] => {
  const [a, b] = [componentsOf(sent), componentsOf(registered)];
  // `scheme:/x/y` and `scheme://x/y`: the slashes move x from path to host, so compare the rest as one text.
  const moved = a.slashes !== b.slashes;
  const place = moved
    ? pathDifferences(a.userinfo + a.host + a.port + a.path, b.userinfo + b.host + b.port + b.path)
    : [
        ...differencesIn(a.userinfo, b.userinfo, 'userinfo'),
        ...differencesIn(a.host, b.host, 'host'),
        ...differencesIn(a.port, b.port, 'port'),
        ...pathDifferences(a.path, b.path),
      ];
  const found = [
    ...differencesIn(a.scheme, b.scheme, 'scheme'),
    ...(a.slashes === b.slashes ? [] : (['slashes'] as const)),
    ...place,
    ...differencesIn(a.query, b.query, 'query'),
    ...(a.fragment === b.fragment ? [] : (['fragment'] as const)),
  ];
  return [...new Set(found)];
};

/** Removes what no registered URI contains, and one level of percent-encoding, before it compares components. */
const differencesOf = (sent: string, registered: string): RedirectUriDifference[] => {
  const found: RedirectUriDifference[] = [];
  let rest = sent;
  for (const [difference, pattern] of contentDifferences) {
    const without = rest.replace(pattern, '');
    if (without !== rest) found.push(difference);
    rest = without;
  }
  if (/\P{ASCII}/u.test(rest)) found.push('non_ascii');
  if (/^[^:/?#]*%3a/i.test(rest) && decoded(rest) !== rest) {
    found.push('percent_encoding');
    rest = decoded(rest);
  }
  if (anyPortEntry.test(registered)) rest = withoutPort(rest);
  const differences = [...new Set([...found, ...componentDifferences(rest, registered)])];
  // An any-port entry that would permit what was sent, but the app does not allow loopback.
  return differences.length === 0 && sent !== registered ? ['port'] : differences;
};

const distanceOf = (differences: readonly RedirectUriDifference[]): number =>
  differences.reduce((sum, difference) => sum + distances[difference], 0);

const ruleOf = (uri: string, differences: readonly RedirectUriDifference[]): string => {
  if (!anyPortEntry.test(uri)) return 'The two must be the same, byte for byte.';
  return differences.length === 1 && differences[0] === 'port'
    ? 'Any port from 1 to 65535 is taken on a loopback address if the app allows loopback.'
    : 'Any port is taken on a loopback address; the rest must be the same, byte for byte.';
};

const explain = (uri: string, differences: readonly RedirectUriDifference[]): string => {
  if (differences.length === 0) return `The URI sent is the registered ${uri}.`;
  const reasons = differences.map((difference) => sentences[difference]).join('; ');
  return `The nearest registered URI is ${uri}. Compared with it: ${reasons}. ${ruleOf(uri, differences)}`;
};

/**
 * The entry of `registered` that `value` resembles most, how `value` differs from it, and a plain-text sentence about
 * it; undefined if none is near. The sentence quotes the registered URI, never the value sent, which may contain
 * markup.
 */
export const nearestRegistered = (value: string, registered: readonly string[]): NearestRegistered | undefined => {
  if (value.length > MAX_COMPARED_LENGTH) return undefined;
  const [nearest] = registered
    .map((uri) => ({ uri, differences: differencesOf(value, uri) }))
    .filter(({ differences }) => distanceOf(differences) < UNRELATED_DISTANCE)
    .sort((a, b) => distanceOf(a.differences) - distanceOf(b.differences));
  return nearest && { ...nearest, explanation: explain(nearest.uri, nearest.differences) };
};

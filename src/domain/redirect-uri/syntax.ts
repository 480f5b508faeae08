/**
 * The generic part of the registration rules (see registration.ts): characters, escapes, cutting, path and query, the
 * same for every scheme. It works on the raw string and decodes nothing.
 */

import { fail, ok, type Result } from '../result.ts';

export type SyntaxRefusal = {
  reason:
    | 'empty'
    | 'too_long'
    | 'fragment'
    | 'wildcard'
    | 'forbidden_character'
    | 'malformed_escape'
    | 'forbidden_escape'
    | 'no_scheme'
    | 'malformed_scheme'
    | 'not_hierarchical'
    | 'empty_segment'
    | 'dot_segment'
    | 'malformed_query'
    | 'reserved_parameter'
    | 'repeated_parameter';
  detail: string;
};

export const MAX_REDIRECT_URI_LENGTH = 1024;

type Refused = { ok: false; failure: SyntaxRefusal };

const refuse = (reason: SyntaxRefusal['reason'], detail: string): Refused => fail({ reason, detail });

/** A URI cut at its delimiters (RFC 3986 s3) without decoding anything. */
export type UriParts = {
  scheme: string;
  authority: string | undefined;
  path: string;
  query: string | undefined;
};

/**
 * Characters that parsers, browsers or log viewers treat differently (`\`, quotes, `;`), templates (`{}`), wildcards,
 * and fragments.
 */
const forbiddenCharacter = /[^\x21-\x7e]|[\\"<>^`{|}*#;]/;
/**
 * Control characters, space, `#`, `%`, `.`, `/`, `:`, `?`, `@`, `\` and non-ASCII: decoding these changes a URI's
 * structure.
 */
const forbiddenEscape = /%(?:[01][0-9a-f]|2[035ef]|3[af]|40|5c|7f|[89a-f][0-9a-f])/i;
/** RFC 3986 s3.3 `pchar` without the characters of `forbiddenCharacter`, and the slash. */
const pathCharacters = /^[A-Za-z0-9._~!$&'()+,=:@%/-]*$/;

/** The first check: length, characters and percent-escapes of the raw string. */
export const validateCharacters = (uri: string): Refused | undefined => {
  if (uri === '') return refuse('empty', 'Give a whole URI, such as https://app.example.com/callback.');
  if (uri.length > MAX_REDIRECT_URI_LENGTH) {
    return refuse('too_long', `A redirect URI has at most ${MAX_REDIRECT_URI_LENGTH} characters.`);
  }
  const [found] = forbiddenCharacter.exec(uri) ?? [];
  if (found === '#') return refuse('fragment', 'Remove the fragment: a redirect URI has no `#` (RFC 6749 s3.1.2).');
  if (found === '*') return refuse('wildcard', 'Register every URI in full: there are no wildcards.');
  if (found !== undefined) {
    const codePoint = (found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return refuse('forbidden_character', `Remove the character U+${codePoint}: it is not allowed in a redirect URI.`);
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(uri))
    return refuse('malformed_escape', 'Follow every `%` with two hexadecimal digits.');
  if (forbiddenEscape.test(uri)) {
    return refuse(
      'forbidden_escape',
      'Remove the percent-escape of a control, space, delimiter, dot, `%` or non-ASCII byte.',
    );
  }
  return undefined;
};

/** Cuts a string that passed `validateCharacters`. */
export const cutUri = (uri: string): Result<UriParts, SyntaxRefusal> => {
  const colon = uri.indexOf(':');
  if (colon < 1 || /[/?]/.test(uri.slice(0, colon))) {
    return refuse('no_scheme', 'Begin with a scheme, such as https:// or com.example.app:/.');
  }
  const scheme = uri.slice(0, colon);
  if (!/^[a-z][a-z0-9+.-]{1,62}$/.test(scheme)) {
    return refuse(
      'malformed_scheme',
      'Write the scheme as 2 to 63 lower-case letters, digits, `.`, `-` or `+`, a letter first.',
    );
  }
  const mark = uri.indexOf('?', colon);
  const hierarchy = mark < 0 ? uri.slice(colon + 1) : uri.slice(colon + 1, mark);
  const query = mark < 0 ? undefined : uri.slice(mark + 1);
  if (!hierarchy.startsWith('//')) return ok({ scheme, authority: undefined, path: hierarchy, query });
  const [authority = ''] = hierarchy.slice(2).split('/', 1);
  return ok({ scheme, authority, path: hierarchy.slice(2 + authority.length), query });
};

/**
 * Names that the broker or OAuth appends, and names that suggest an open redirector in the app. Compared without case
 * and separators.
 */
const reservedNames = new Set(
  'appid callback code connectionid continue goto iss next result state status target ticket userid'.split(' '),
);
const reservedShape = /^(?:error|return|dest|redirect)|token|ur[il]$/;

const isReserved = (name: string): boolean => {
  const folded = name.toLowerCase().replace(/[._~-]/g, '');
  return reservedNames.has(folded) || reservedShape.test(folded);
};

/** A fixed query must not repeat a parameter (parameter pollution) or contain another address. */
export const validateQuery = (query: string | undefined): Refused | undefined => {
  if (query === undefined) return undefined;
  if (!/^[\w.~-]+=[\w.~-]+(?:&[\w.~-]+=[\w.~-]+)*$/.test(query)) {
    return refuse(
      'malformed_query',
      'Write the query as name=value pairs of letters, digits and `._~-`, or leave the `?` out.',
    );
  }
  const names = query.split('&').map((pair) => pair.slice(0, pair.indexOf('=')));
  if (names.includes('state')) {
    return refuse(
      'reserved_parameter',
      'Remove `state` from the query: the broker appends the one that a link was given.',
    );
  }
  if (names.some(isReserved)) {
    return refuse(
      'reserved_parameter',
      'Rename the query parameter: the name is used by OAuth, by the answer or by redirectors.',
    );
  }
  if (new Set(names).size < names.length) return refuse('repeated_parameter', 'Give every query parameter once.');
  return undefined;
};

/** A path begins with a slash and has one spelling: no dot segments, and no empty segment except the last. */
export const validatePath = ({ authority, path }: UriParts): Refused | undefined => {
  if (authority === undefined && !path.startsWith('/')) {
    return refuse('not_hierarchical', 'Follow the scheme with `://host/path` or `:/path`.');
  }
  if (!pathCharacters.test(path)) return refuse('forbidden_character', 'Remove the square brackets from the path.');
  const segments = path.split('/').slice(1);
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    return refuse('dot_segment', 'Write the path without `.` and `..` segments.');
  }
  if (segments.slice(0, -1).includes('')) return refuse('empty_segment', 'Write the path without doubled slashes.');
  return undefined;
};

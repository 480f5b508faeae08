/**
 * What an app may register as a redirect URI. Exactly one spelling of a URI can be registered. The others are refused
 * with a reason, never trimmed, folded or repaired. So the check at `auth` needs no parser (see match.ts), and no two
 * parsers can read a registered string differently.
 */

import { fail, ok, type Result } from '../result.ts';
import { type HostRefusal, validateHost } from './hosts.ts';
import { isPunycodeLabel, readableLabel } from './punycode.ts';
import { type SchemeCategory, schemeCategory } from './schemes.ts';
import {
  cutUri,
  validateCharacters,
  validatePath,
  validateQuery,
  type SyntaxRefusal,
  type UriParts,
} from './syntax.ts';

export const REDIRECT_URI_WARNINGS = ['scheme_without_period', 'punycode_host', 'loopback'] as const;
export type RedirectUriWarning = (typeof REDIRECT_URI_WARNINGS)[number];

export type RedirectUriRefusalReason =
  | SyntaxRefusal['reason']
  | HostRefusal
  | 'scheme_too_short'
  | 'scheme_taken'
  | 'http_not_allowed'
  | 'loopback_not_allowed'
  | 'empty_host'
  | 'userinfo'
  | 'port'
  | 'missing_path'
  | 'not_canonical';

/** `detail` says what to do. It never repeats the input, which may contain anything. */
export type RedirectUriRefusal = { reason: RedirectUriRefusalReason; detail: string };

export type RedirectUriRegistration = { uri: string; warnings: RedirectUriWarning[] };

export type RegistrationOptions = {
  /** Whether the app may register http on a loopback address. */
  allowLoopback: boolean;
  /** This deployment's hosts, as `URL.host` gives them. A loopback address matches only with its port. */
  ownHosts: readonly string[];
};

export const MAX_REDIRECT_URIS_PER_APP = 20;

type Refused = { ok: false; failure: RedirectUriRefusal };

type JudgedScheme = Result<RedirectUriWarning[], RedirectUriRefusal>;

const refuse = (reason: RedirectUriRefusalReason, detail: string): Refused => fail({ reason, detail });

const hostDetails: Record<HostRefusal, string> = {
  ip_address: 'Use a host name: IP addresses are not allowed over https.',
  malformed_host:
    'Write the host as lower-case DNS labels (letters, digits, inner hyphens; IDN as valid punycode), without a trailing dot.',
  own_host: 'Use a host of your app: this one is the broker itself.',
  single_label_host: 'Use a public host name with at least two labels.',
  special_use_host: 'Use a public host name: this top-level domain is reserved for private or special use.',
  withings_host: 'Use a host of your app: this one carries the name of Withings.',
};

/** A host and its port, cut at the first colon outside brackets. A colon without a port leaves the port ''. */
const cutPort = (authority: string): { host: string; port: string | undefined } => {
  const { host = '', port } = /^(?<host>\[.*\]|[^:]*)(?::(?<port>.*))?$/.exec(authority)?.groups ?? {};
  return { host, port };
};

/**
 * Whether a port has its canonical spelling: no leading zero, in range, and not the scheme's default (RFC 3986 s6.2.3).
 */
const isCanonicalPort = (port: string | undefined, defaultPort: string): boolean =>
  port === undefined || (/^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= 65_535 && port !== defaultPort);

const portDetail = 'Give a port from 1 to 65535 without leading zeros, and leave the default port out.';

/** The rules for the authority of https, http and `scheme://`: a host, and no user information. */
const parseAuthority = ({ authority }: UriParts): Refused | undefined => {
  if (authority === undefined) return undefined;
  if (authority.includes('@')) return refuse('userinfo', 'Remove the user name or password before the host.');
  if (authority === '')
    return refuse('empty_host', 'Name a host after `//`, or write one slash where there is no host.');
  return undefined;
};

const validateHttps = ({ authority = '', path }: UriParts, options: RegistrationOptions): JudgedScheme => {
  const { host, port } = cutPort(authority);
  const judged = validateHost(host, options.ownHosts);
  if (!judged.ok) return refuse(judged.failure, hostDetails[judged.failure]);
  if (!isCanonicalPort(port, '443')) return refuse('port', portDetail);
  if (path === '') return refuse('missing_path', 'Write the path, at least a `/` after the host.');
  return ok(host.split('.').some(isPunycodeLabel) ? ['punycode_host'] : []);
};

const validateLoopback = ({ authority = '', path }: UriParts, options: RegistrationOptions): JudgedScheme => {
  const { host, port } = cutPort(authority);
  const isLiteral = host === '127.0.0.1' || host === '[::1]';
  if (!isLiteral && host !== 'localhost') {
    return refuse('http_not_allowed', 'Use https: http is for 127.0.0.1, [::1] and localhost only.');
  }
  if (!options.allowLoopback) {
    return refuse('loopback_not_allowed', 'Allow loopback redirects for this app first, or use https.');
  }
  if (options.ownHosts.some((own) => own.toLowerCase() === authority)) return refuse('own_host', hostDetails.own_host);
  if (!isCanonicalPort(port, '80')) return refuse('port', portDetail);
  if (!isLiteral && port === undefined) {
    return refuse(
      'port',
      'Give localhost a port, or register 127.0.0.1 without one to allow any port (RFC 8252 s7.3).',
    );
  }
  if (path === '') return refuse('missing_path', 'Write the path, at least a `/` after the host.');
  return ok(['loopback']);
};

const takenDetails: Record<SchemeCategory, string> = {
  'script or launcher': 'Use your own scheme: this one runs script or launches programs.',
  'document or resource': 'Use your own scheme: this one opens documents or resources.',
  browser: 'Use your own scheme: this one belongs to a browser.',
  'operating system': 'Use your own scheme: this one belongs to an operating system.',
  'mail or telephone': 'Use your own scheme: this one starts mails, messages or calls.',
  'network protocol': 'Use https or your own scheme: this one is a network protocol.',
  'another app': 'Use your own scheme: this one belongs to another app.',
};

const isWebScheme = (scheme: string): boolean => scheme === 'https' || scheme === 'http';

/** Whether an app may claim a scheme. http and https depend on their hosts instead. */
const validateSchemeName = (scheme: string): Refused | undefined => {
  if (isWebScheme(scheme)) return undefined;
  const category = schemeCategory(scheme);
  if (category) return refuse('scheme_taken', takenDetails[category]);
  if (scheme.length < 4) {
    return refuse('scheme_too_short', 'Use a scheme of four characters or more, such as com.example.app.');
  }
  if (!/[a-z0-9]$/.test(scheme) || scheme.includes('..')) {
    return refuse(
      'malformed_scheme',
      'End the scheme with a letter or digit, and leave no part between its periods empty.',
    );
  }
  return undefined;
};

const validateCustomScheme = ({ scheme, authority }: UriParts): JudgedScheme => {
  const warnings: RedirectUriWarning[] = scheme.includes('.') ? [] : ['scheme_without_period'];
  if (authority === undefined) return ok(warnings);
  if (authority.includes(':')) return refuse('port', 'Remove the port: the host of an app scheme has none.');
  const labels = authority.split('.');
  // The "host" of a custom scheme is any word of the app, so `oauth_callback` is allowed although DNS would refuse it.
  if (authority.length > 253 || !labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/.test(label))) {
    return refuse('malformed_host', 'Write the host in lower-case letters, digits, `-`, `_` and single periods.');
  }
  return ok(labels.some(isPunycodeLabel) ? [...warnings, 'punycode_host'] : warnings);
};

const validateAuthority = (parts: UriParts, options: RegistrationOptions): JudgedScheme => {
  if (!isWebScheme(parts.scheme)) return validateCustomScheme(parts);
  if (parts.authority === undefined) {
    return refuse('empty_host', 'Write two slashes and a host after the scheme.');
  }
  return parts.scheme === 'https' ? validateHttps(parts, options) : validateLoopback(parts, options);
};

/** The last check: a WHATWG parser must not change the URI. */
const isCanonical = (uri: string): boolean => URL.canParse(uri) && new URL(uri).href === uri;

/**
 * Validates a URI that an app wants to register. Returns `uri` unchanged with the warnings to store and show, or the
 * first reason against it. RFC 9700 s2.1 and s4.1.3 (exact strings), RFC 6749 s3.1.2 (absolute, no fragment), RFC 8252
 * s7 (native apps).
 */
export const validateRedirectUri = (
  uri: string,
  options: RegistrationOptions,
): Result<RedirectUriRegistration, RedirectUriRefusal> => {
  const unfit = validateCharacters(uri);
  if (unfit) return unfit;
  const parts = cutUri(uri);
  if (!parts.ok) return parts;
  const { scheme, query } = parts.value;
  const misshapen =
    validateSchemeName(scheme) ?? validateQuery(query) ?? parseAuthority(parts.value) ?? validatePath(parts.value);
  if (misshapen) return misshapen;
  const warnings = validateAuthority(parts.value, options);
  if (!warnings.ok) return warnings;
  if (!isCanonical(uri)) {
    return refuse('not_canonical', 'Write the URI exactly as a browser would.');
  }
  return ok({ uri, warnings: warnings.value });
};

const punycodeLabels = (uri: string): string => {
  const { authority = '' } = /^[^:]*:\/\/(?<authority>[^/?]*)/.exec(uri)?.groups ?? {};
  return cutPort(authority)
    .host.split('.')
    .filter(isPunycodeLabel)
    .map((label) => `${label} = ${readableLabel(label) ?? 'not decodable'}`)
    .join(', ');
};

const warningSentences: Record<RedirectUriWarning, (uri: string) => string> = {
  scheme_without_period: () =>
    'The scheme has no period, so another app may claim it too (RFC 8252 s8.4). Prefer a reverse-domain scheme such as com.example.app, or https.',
  punycode_host: (uri) =>
    `The host holds a name in punycode (${punycodeLabels(uri)}). Check that it is the name you mean: some letters look alike.`,
  loopback: () => "The URI points at the user's own machine: for development and native apps only.",
};

/** The sentence for a warning about the registered `uri`. Plain text. */
export const describeWarning = (code: RedirectUriWarning, uri: string): string => warningSentences[code](uri);

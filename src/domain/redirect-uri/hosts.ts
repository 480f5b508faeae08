/**
 * Which hosts an https redirect URI may have: public DNS names in canonical spelling, neither the broker's nor
 * Withings'.
 */

import { fail, ok, type Result } from '../result.ts';
import { isPunycodeLabel, readableLabel } from './punycode.ts';

export type HostRefusal =
  | 'ip_address'
  | 'malformed_host'
  | 'own_host'
  | 'single_label_host'
  | 'special_use_host'
  | 'withings_host';

/**
 * Top-level names that public DNS never resolves: IANA's special-use registry (RFC 6761, RFC 6762 with its appendix G,
 * RFC 7686, RFC 8375, RFC 9476), those reserved by ICANN (.internal, .corp, .home, .mail), and common names of private
 * networks. `.example` is allowed on purpose: it is reserved for documentation, where many callbacks begin.
 */
const specialUse = new Set(
  [
    'alt arpa invalid local localhost onion test',
    'corp home internal intranet lan localdomain mail private workgroup',
    'bit eth exit gnu i2p zkey',
  ].flatMap((names) => names.split(' ')),
);

/** The brand as a registrable name under any top-level domain: Withings' own, or an impostor's. */
const withingsName = /(?:^|\.)withings(?:med)?\.(?:(?:co|com)\.[a-z]{2}|[a-z0-9-]+)$/;

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const topLevelLabel = /^(?:[a-z]{2,63}|xn--[a-z0-9-]*[a-z0-9])$/;

/**
 * A parser reads a name whose last label is a number, decimal or hex, as an IPv4 address (WHATWG URL, "ends in a
 * number").
 */
const isAddress = (host: string): boolean => /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/.test(host) || host.startsWith('[');

const isOrBelow = (host: string, parent: string): boolean => host === parent || host.endsWith(`.${parent}`);

/** Positions 3 and 4 are reserved for IDNA (RFC 5891 s4.2.3.1). */
const isLabel = (text: string): boolean =>
  label.test(text) && (isPunycodeLabel(text) ? readableLabel(text) !== undefined : !/^..--/.test(text));

/**
 * Validates the host of an https redirect URI, as written and without its port. `ownHosts` are this deployment's host
 * names in lower case, with or without a port; their subdomains are refused too.
 */
export const validateHost = (host: string, ownHosts: readonly string[]): Result<string, HostRefusal> => {
  if (isAddress(host)) return fail('ip_address');
  const labels = host.split('.');
  if (host.length > 253 || !labels.every(isLabel)) return fail('malformed_host');
  if (ownHosts.some((own) => isOrBelow(host, own.toLowerCase().replace(/:\d+$/, '')))) return fail('own_host');
  const topLevel = labels.at(-1) ?? '';
  if (specialUse.has(topLevel)) return fail('special_use_host');
  if (labels.length < 2) return fail('single_label_host');
  if (!topLevelLabel.test(topLevel)) return fail('malformed_host');
  if (withingsName.test(host)) return fail('withings_host');
  return ok(host);
};

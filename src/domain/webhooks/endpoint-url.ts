import ipaddr from 'ipaddr.js';

import { fail, ok, type Result } from '../result.ts';

/** Why a URL cannot be an endpoint; each has a sentence in `describeUrlRefusal`. */
export type UrlRefusal =
  | 'not_a_url'
  | 'too_long'
  | 'not_https'
  | 'has_credentials'
  | 'has_fragment'
  | 'loopback_not_allowed'
  | 'private_address'
  | 'own_host';

export const MAX_ENDPOINT_URL_LENGTH = 2_048;

const LOCAL_NAME = /(^|\.)(localhost|local|internal|localdomain|home\.arpa|onion|invalid|test)$/;

/**
 * Checks the URL of a webhook endpoint. The URL parser reads every spelling of an IPv4 address (decimal, octal,
 * hexadecimal, shortened), so the checked address is the one that is fetched. A public name that resolves to a private
 * address is not seen here. Workers reach no private network, and `global_fetch_strictly_public` keeps requests out of
 * the zone's own origins.
 *
 * @param ownHosts hosts of this broker
 * @returns the URL as it is fetched
 */
export const validateEndpointUrl = (
  text: string,
  { allowLoopback, ownHosts }: { allowLoopback: boolean; ownHosts: readonly string[] },
): Result<string, UrlRefusal> => {
  if (text.length > MAX_ENDPOINT_URL_LENGTH) return fail('too_long');
  if (!URL.canParse(text)) return fail('not_a_url');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return fail('has_credentials');
  if (url.hash !== '' || text.includes('#')) return fail('has_fragment');
  const place = placeOf(url.hostname);
  if (place === 'private') return fail('private_address');
  if (place === 'loopback') {
    if (!allowLoopback) return fail('loopback_not_allowed');
    return url.protocol === 'http:' || url.protocol === 'https:' ? ok(url.href) : fail('not_https');
  }
  if (url.protocol !== 'https:') return fail('not_https');
  return ownHosts.includes(url.host) ? fail('own_host') : ok(url.href);
};

const placeOf = (hostname: string): 'public' | 'loopback' | 'private' => {
  const name = hostname.replace(/^\[|\]$|\.$/g, '').toLowerCase();
  if (ipaddr.isValid(name)) {
    const range = ipaddr.process(name).range();
    return range === 'unicast' ? 'public' : range === 'loopback' ? 'loopback' : 'private';
  }
  if (name === 'localhost' || name.endsWith('.localhost')) return 'loopback';
  return !name.includes('.') || LOCAL_NAME.test(name) ? 'private' : 'public';
};

const SENTENCES: Record<UrlRefusal, string> = {
  not_a_url: 'It is not an absolute URL, such as https://example.com/webhooks.',
  too_long: `It has more than ${MAX_ENDPOINT_URL_LENGTH} characters.`,
  not_https: 'It must begin with https://.',
  has_credentials: 'It must not contain a user name or a password. Check the signature instead.',
  has_fragment: 'It must not contain a fragment (#…): it would not be sent.',
  loopback_not_allowed: 'It points to this machine. Set allow_loopback on the app to try webhooks locally.',
  private_address: 'It points into a private network, which this broker does not reach.',
  own_host: 'It points to this broker itself.',
};

/** The refusal in a sentence that says what to change. */
export const describeUrlRefusal = (refusal: UrlRefusal): string => SENTENCES[refusal];

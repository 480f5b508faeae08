import { describe, expect, test } from 'vitest';

import {
  describeUrlRefusal,
  MAX_ENDPOINT_URL_LENGTH,
  validateEndpointUrl,
} from '../../../src/domain/webhooks/endpoint-url.ts';

const validate = (url: string, allowLoopback = false) =>
  validateEndpointUrl(url, { allowLoopback, ownHosts: ['broker.example.com'] });

describe('the URL of an endpoint', () => {
  test('is a public https URL, kept as it is fetched', () => {
    expect(validate('https://example.org/hooks?a=b')).toEqual({ ok: true, value: 'https://example.org/hooks?a=b' });
    expect(validate('https://8.8.8.8/hooks')).toMatchObject({ ok: true });
  });

  test.each([
    ['nothing', '', 'not_a_url'],
    ['a path', '/hooks', 'not_a_url'],
    ['http', 'http://example.org/hooks', 'not_https'],
    ['another scheme', 'ftp://example.org/hooks', 'not_https'],
    ['a password', 'https://me:secret@example.org/', 'has_credentials'],
    ['a fragment', 'https://example.org/#part', 'has_fragment'],
    ['an empty fragment', 'https://example.org/#', 'has_fragment'],
    ['this broker', 'https://broker.example.com/hooks', 'own_host'],
    ['a private network', 'https://192.168.1.1/', 'private_address'],
    ['a link-local address, such as a cloud’s metadata', 'https://169.254.169.254/', 'private_address'],
    ['a private address in another spelling', 'https://0xc0a80101/', 'private_address'],
    ['a private address in octal', 'https://0300.0250.1.1/', 'private_address'],
    ['a carrier’s own network', 'https://100.64.0.1/', 'private_address'],
    ['the unspecified address', 'https://0/', 'private_address'],
    ['a link-local IPv6 address', 'https://[fe80::1]/', 'private_address'],
    ['this machine in octal', 'https://0177.0.0.1/', 'loopback_not_allowed'],
    ['this machine, shortened', 'https://127.1/', 'loopback_not_allowed'],
    ['this machine, mapped to IPv6', 'https://[::ffff:7f00:1]/', 'loopback_not_allowed'],
    ['a private IPv6 address', 'https://[fd00::1]/', 'private_address'],
    ['a mapped private address', 'https://[::ffff:10.0.0.1]/', 'private_address'],
    ['a name of the local network', 'https://printer.local/', 'private_address'],
    ['a name without a dot', 'https://intranet/', 'private_address'],
    ['this machine', 'https://localhost/', 'loopback_not_allowed'],
    ['this machine as a number', 'https://2130706433/', 'loopback_not_allowed'],
    ['this machine in IPv6', 'https://[::1]/', 'loopback_not_allowed'],
    ['too many characters', `https://example.org/${'a'.repeat(MAX_ENDPOINT_URL_LENGTH)}`, 'too_long'],
  ] as const)('is not %s', (_, url, refusal) => {
    expect(validate(url)).toEqual({ ok: false, failure: refusal });
    expect(describeUrlRefusal(refusal)).toMatch(/^It .+\.$/);
  });

  test('may be this machine if the app allows loopback, also by http, but no other private one', () => {
    expect(validate('http://127.0.0.1:9000/hooks', true)).toMatchObject({ ok: true });
    expect(validate('ftp://127.0.0.1/hooks', true)).toEqual({ ok: false, failure: 'not_https' });
    expect(validate('https://10.0.0.1/', true)).toEqual({ ok: false, failure: 'private_address' });
  });
});

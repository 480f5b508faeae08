import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  describeWarning,
  validateRedirectUri,
  MAX_REDIRECT_URIS_PER_APP,
} from '../../../src/domain/redirect-uri/registration.ts';
import { loopbackUris, ownHosts, refused, registrable } from '../../fixtures/redirect-uri-registrations.ts';

const seed = 20_260_614;
const options = { allowLoopback: true, ownHosts };

const reasonAgainst = (uri: string, given = options): string | undefined => {
  const judged = validateRedirectUri(uri, given);
  return judged.ok ? undefined : judged.failure.reason;
};

describe('registration refuses', () => {
  describe.each(refused)('for %s', (reason, uris) => {
    test.each(uris.map((uri) => [uri]))('%j', (uri) => {
      expect(reasonAgainst(uri)).toBe(reason);
    });
  });

  test.each(loopbackUris.map((uri) => [uri]))('%s when the app does not allow loopback', (uri) => {
    expect(reasonAgainst(uri, { allowLoopback: false, ownHosts })).toBe('loopback_not_allowed');
  });

  test('a host of ours whatever case and port it was configured in', () => {
    for (const own of ['BROKER.example.net', 'broker.example.net:8443']) {
      expect(reasonAgainst('https://broker.example.net/x', { allowLoopback: false, ownHosts: [own] })).toBe('own_host');
    }
  });

  test('only our own port of a loopback address', () => {
    expect(reasonAgainst('http://127.0.0.1:8787/done')).toBe('own_host');
    expect(reasonAgainst('http://127.0.0.1:8788/done')).toBeUndefined();
  });

  test('without ever repeating what was sent', () => {
    const judged = validateRedirectUri('https://fit.example.org/<script>alert(1)</script>', options);
    expect(judged).toEqual({
      ok: false,
      failure: { reason: 'forbidden_character', detail: expect.stringContaining('U+003C') },
    });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const marked = `https://fit.example.org/${text}\u0007canary`;
        const judgedMarked = validateRedirectUri(marked, options);
        expect(judgedMarked.ok).toBe(false);
        expect(JSON.stringify(judgedMarked)).not.toContain('canary');
      }),
      { seed },
    );
  });
});

describe('the refused URIs have teeth: each loose check at registration takes some of them', () => {
  const parse = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);
  const isScript = /^(javascript|vbscript|data|file|blob|about):/i;

  const looseChecks: Record<string, (uri: string) => boolean> = {
    'it parses': (uri) => parse(uri) !== undefined,
    'it parses and is written as the parser writes it': (uri) => parse(uri)?.href === uri,
    'it is absolute and has no fragment': (uri) => parse(uri)?.hash === '' && !uri.includes('#'),
    'it starts with https or another scheme': (uri) => /^[a-z][a-z0-9+.-]*:\/\//.test(uri),
    'it is https, or an app scheme that is no script': (uri) => uri.startsWith('https:') || !isScript.test(uri),
    'it is https with a host': (uri) => parse(uri)?.protocol === 'https:' && parse(uri)?.hostname !== '',
    'its host is not ours': (uri) => !ownHosts.includes(parse(uri)?.host ?? ''),
    'its host looks like one': (uri) => /^[\w.-]+\.\w{2,}$/.test(parse(uri)?.hostname ?? ''),
    'it has no user name, wildcard or dot segment': (uri) => !/@|\*|\/\.\.?(\/|$)/.test(uri),
    'it would be one if it were trimmed': (uri) => reasonAgainst(uri.trim()) === undefined,
    'it would be one in lower case': (uri) => reasonAgainst(uri.toLowerCase()) === undefined,
    'it would be one if it were decoded': (uri) => {
      const decoded = uri.replaceAll(/%([2-7][0-9a-f])/gi, (_, byte: string) =>
        String.fromCharCode(Number(`0x${byte}`)),
      );
      return reasonAgainst(decoded) === undefined;
    },
    'it would be one if a parser had put it right': (uri) => {
      const href = parse(uri)?.href;
      return href !== undefined && reasonAgainst(href) === undefined;
    },
    'it would be one without its query': (uri) => reasonAgainst(uri.split('?')[0] ?? '') === undefined,
    'it would be one on another port': (uri) => reasonAgainst(uri.replace(/:\d+(?=\/)/, '')) === undefined,
  };
  const uris = refused.flatMap(([, some]) => some);

  test.each(Object.entries(looseChecks))('%s', (_, takes) => {
    expect(uris.filter((uri) => takes(uri)).length).toBeGreaterThan(0);
  });
});

describe('registration accepts', () => {
  test.each(registrable)('%s, unchanged', (uri, warnings) => {
    expect(validateRedirectUri(uri, options)).toEqual({ ok: true, value: { uri, warnings } });
  });

  test('1024 characters and no more', () => {
    const start = 'https://fit.example.org/';
    expect(reasonAgainst(start.padEnd(1024, 'a'))).toBeUndefined();
    expect(reasonAgainst(start.padEnd(1025, 'a'))).toBe('too_long');
  });

  test('twenty URIs are what one app may have', () => {
    expect(MAX_REDIRECT_URIS_PER_APP).toBe(20);
  });
});

describe('whatever is thrown at registration', () => {
  /** Strings close enough to a URI to get past the first checks often. */
  const fragments = fc.constantFrom(
    ...'https http tracker org.example javascript HTTPS : / // ? & = # @ . .. - -- fit example org 127.0.0.1 [::1]'.split(
      ' ',
    ),
    ...'localhost xn--mller-kva xn-- 443 80 0 65536 a B _ ~ % %2e %41 %00 [ ] \\ state withings.com'.split(' '),
    ' ',
    '\t',
    '\u0000',
    '\u3002',
    '\u00E9',
    '\uD800',
  );
  const uriLike = fc.array(fragments, { maxLength: 14 }).map((parts) => parts.join(''));
  const prefixed = fc
    .tuple(fc.constantFrom('https://fit.example.org/', 'tracker://', 'org.example.t:/', 'http://127.0.0.1'), uriLike)
    .map((parts) => parts.join(''));
  const edited = fc
    .tuple(fc.constantFrom(...registrable.map(([uri]) => uri)), fc.nat(), fc.nat(2), fragments)
    .map(([uri, at, remove, insert]) => {
      const position = at % (uri.length + 1);
      return uri.slice(0, position) + insert + uri.slice(position + remove);
    });
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webUrl({ withQueryParameters: true }),
    uriLike,
    prefixed,
    edited,
  );

  test('it never throws, and what it accepts has one spelling, no surprising byte and no surprising part', () => {
    let accepted = 0;
    fc.assert(
      fc.property(anything, (text) => {
        const judged = validateRedirectUri(text, options);
        if (!judged.ok) {
          expect(judged.failure.detail).not.toBe('');
          return;
        }
        accepted += 1;
        const { uri } = judged.value;
        expect(uri).toBe(text);
        expect(uri).toMatch(/^[A-Za-z0-9._~!$&'()+,=:@%/?[\]-]{1,1024}$/);
        const parsed = new URL(uri);
        expect(parsed.href).toBe(uri);
        expect([parsed.username, parsed.password, parsed.hash]).toEqual(['', '', '']);
        expect(decodeURIComponent(parsed.pathname)).not.toMatch(/\/\.{1,2}(\/|$)|\/\/|[\\\s#?]/);
        if (parsed.protocol === 'http:') expect(['127.0.0.1', '[::1]', 'localhost']).toContain(parsed.hostname);
        if (parsed.protocol === 'https:') expect(parsed.hostname).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/);
      }),
      { seed, numRuns: 20_000 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  test('two accepted strings that a URL parser takes for the same are the same', () => {
    const upperCased = (text: string): string => text.toUpperCase();
    const respellings = [
      upperCased,
      (text: string) => `${text}#`,
      (text: string) => `${text}?`,
      (text: string) => ` ${text}`,
    ];
    for (const [uri] of registrable) {
      for (const respell of [...respellings, (text: string) => text.replace(/\/\/(?=\w)/, '//@')]) {
        const respelt = respell(uri);
        if (respelt !== uri) expect(reasonAgainst(respelt), respelt).not.toBeUndefined();
      }
    }
  });
});

describe('warnings', () => {
  test('say in a sentence what to look out for', () => {
    expect(describeWarning('scheme_without_period', 'tracker://linked/ok')).toContain('another app may claim it');
    expect(describeWarning('loopback', 'http://127.0.0.1/done')).toContain("user's own machine");
  });

  test('show a punycode label in both forms', () => {
    expect(describeWarning('punycode_host', 'https://a.xn--mller-kva.example.org:9443/done?x=xn--no')).toContain(
      '(xn--mller-kva = m\u00FCller)',
    );
    expect(describeWarning('punycode_host', 'org.example.t://xn--mller-kva.org/xn--no')).toContain(
      '(xn--mller-kva = m\u00FCller)',
    );
  });

  test('say so when the punycode of an app host, which nobody resolves, reads as nothing', () => {
    const uri = `tracker://xn--${'9'.repeat(200)}/ok`;
    expect(validateRedirectUri(uri, options)).toMatchObject({ ok: true });
    expect(describeWarning('punycode_host', uri)).toContain('not decodable');
  });
});

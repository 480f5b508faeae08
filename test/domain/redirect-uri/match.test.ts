import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  appendParameters,
  isPlausibleRedirectUri,
  matches,
  openLoopbackPort,
  registrationCandidates,
  withLoopbackPort,
} from '../../../src/domain/redirect-uri/match.ts';
import { registrable } from '../../fixtures/redirect-uri-registrations.ts';
import { anyPortUris, type LooseCheckName, sentUris } from '../../fixtures/redirect-uris.ts';

const seed = 20_260_614;
const strict = { allowLoopback: false };
const withLoopback = { allowLoopback: true };

describe('the authorise-time check', () => {
  test.each(sentUris.filter((row) => !row.permitted))('refuses $name', ({ registered, sent }) => {
    expect(matches(registered, sent, strict)).toBe(false);
    expect(matches(registered, sent, withLoopback)).toBe(false);
    expect(registrationCandidates(sent)).not.toContain(registered);
  });

  test.each(sentUris.filter((row) => row.permitted))('permits $name', ({ registered, sent }) => {
    expect(matches(registered, sent, strict)).toBe(true);
    expect(registrationCandidates(sent)[0]).toBe(sent);
  });

  test('a registered string that differs by one edit never matches', () => {
    const uris = fc.constantFrom(...registrable.map(([uri]) => uri));
    const edit = fc.record({
      at: fc.nat(),
      remove: fc.nat(3),
      insert: fc.string({ unit: 'binary', maxLength: 3 }),
    });
    fc.assert(
      fc.property(uris, edit, (uri, { at, remove, insert }) => {
        const position = at % (uri.length + 1);
        const sent = uri.slice(0, position) + insert + uri.slice(position + remove);
        fc.pre(sent !== uri);
        expect(matches(uri, sent, strict)).toBe(false);
      }),
      { seed, numRuns: 5000 },
    );
  });

  test('without loopback it is equality, whatever the strings', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.webUrl(),
      fc.constantFrom(...registrable.map(([uri]) => uri)),
    );
    fc.assert(
      fc.property(text, text, (registered, sent) => {
        expect(matches(registered, sent, strict)).toBe(registered === sent && isPlausibleRedirectUri(sent));
      }),
      { seed, numRuns: 2000 },
    );
  });
});

describe('plausibility', () => {
  test.each([
    ['empty', ''],
    ['a space', 'a b'],
    ['a newline at the end', 'https://fit.example.org/\n'],
    ['a NUL', 'a\u0000'],
    ['DEL', 'a\u007F'],
    ['non-ASCII', 'https://fit.example.org/\u00E9'],
    ['2049 characters', 'a'.repeat(2049)],
  ])('refuses %s, and offers nothing to look up', (_name, value) => {
    expect(isPlausibleRedirectUri(value)).toBe(false);
    expect(registrationCandidates(value)).toEqual([]);
    expect(matches(value, value, withLoopback)).toBe(false);
  });

  test('takes 1 to 2048 characters from ! to ~', () => {
    expect(isPlausibleRedirectUri('!')).toBe(true);
    expect(isPlausibleRedirectUri('~'.repeat(2048))).toBe(true);
  });
});

describe('the any-port rule for loopback literals', () => {
  test.each(anyPortUris)('registered %s, sent %j: %s', (registered, sent, permitted) => {
    expect(matches(registered, sent, withLoopback)).toBe(permitted);
    expect(registrationCandidates(sent).includes(registered)).toBe(permitted);
  });

  test.each([['http://127.0.0.1:1@evil.example.net/done'], ['http://127.0.0.1:1'], ['http://[::1]:1?x=1']])(
    'offers nothing but %s itself for look-up',
    (sent) => {
      expect(registrationCandidates(sent)).toEqual([sent]);
    },
  );

  test('an app that does not allow loopback has no such rule', () => {
    const widened = anyPortUris.filter(([registered, sent, permitted]) => permitted && registered !== sent);
    expect(widened.length).toBeGreaterThan(3);
    for (const [registered, sent] of widened) expect(matches(registered, sent, strict)).toBe(false);
  });

  test('the port that was left open is taken out and put back, so that what is sent is what was asked for', () => {
    for (const [registered, sent] of anyPortUris.filter(([, , permitted]) => permitted)) {
      const port = openLoopbackPort(registered, sent);
      expect(port === undefined).toBe(registered === sent);
      expect(port === undefined ? registered : withLoopbackPort(registered, port)).toBe(sent);
    }
  });

  test('every port from 1 to 65535 is permitted and no other number', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 200_000 }), (port) => {
        const permitted = port >= 1 && port <= 65_535;
        expect(matches('http://[::1]/x', `http://[::1]:${port}/x`, withLoopback)).toBe(permitted);
      }),
      { seed, numRuns: 1000 },
    );
  });
});

describe('the corpus has teeth: each loose comparison lets a denied URI through', () => {
  const parse = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);
  const both = (a: string, b: string, compare: (a: URL, b: URL) => boolean): boolean => {
    const [first, second] = [parse(a), parse(b)];
    return first !== undefined && second !== undefined && compare(first, second);
  };
  const decode = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const origin = (url: URL): string => `${url.protocol}//${url.host}`;
  const noPort = (url: URL): string => [url.protocol, url.hostname, url.pathname, url.search].join(' ');

  const looseChecks: Record<LooseCheckName, (registered: string, sent: string) => boolean> = {
    'case-insensitive': (registered, sent) => registered.toLowerCase() === sent.toLowerCase(),
    'contains-host': (registered, sent) => sent.includes(parse(registered)?.host ?? '\n'),
    'host-suffix': (registered, sent) => both(registered, sent, (a, b) => b.hostname.endsWith(a.hostname)),
    'nul-truncated': (registered, sent) => registered === sent.split('\u0000')[0],
    'origin+path-prefix': (registered, sent) =>
      both(registered, sent, (a, b) => origin(a) === origin(b) && b.pathname.startsWith(a.pathname)),
    'parsed-equal': (registered, sent) => both(registered, sent, (a, b) => a.href === b.href),
    'parsed-equal-no-port': (registered, sent) => both(registered, sent, (a, b) => noPort(a) === noPort(b)),
    pattern: (registered, sent) => new RegExp(`^${registered}$`).test(sent),
    'percent-decoded': (registered, sent) => decode(registered) === decode(sent),
    'query-stripped': (registered, sent) => registered.split(/[?#]/)[0] === sent.split(/[?#]/)[0],
    'same-origin': (registered, sent) => both(registered, sent, (a, b) => origin(a) === origin(b)),
    'same-scheme': (registered, sent) => both(registered, sent, (a, b) => a.protocol === b.protocol),
    'starts-with': (registered, sent) => sent.startsWith(registered),
    trimmed: (registered, sent) => registered === sent.trim(),
    'twice-decoded': (registered, sent) => registered === decode(decode(sent)),
    'unicode-folded': (registered, sent) => registered === sent.normalize('NFKC'),
    'wildcard-subdomain': (registered, sent) =>
      both(registered, sent, (a, b) => b.hostname.endsWith(a.hostname.split('.').slice(1).join('.'))),
  };

  test.each(Object.keys(looseChecks) as LooseCheckName[])('%s', (name) => {
    const fooling = sentUris.filter((row) => row.fools.includes(name));
    expect(fooling.length).toBeGreaterThan(0);
    for (const { registered, sent, name: row } of fooling) {
      expect(looseChecks[name](registered, sent), row).toBe(true);
      expect(matches(registered, sent, withLoopback), row).toBe(false);
    }
  });
});

describe('appending parameters', () => {
  test('uses ? without a query and & after one', () => {
    expect(appendParameters('tracker://linked/ok', { ticket: 'a b' })).toBe('tracker://linked/ok?ticket=a%20b');
    expect(appendParameters('https://fit.example.org/?v=1', { error: 'x', error_description: 'y&z=#' })).toBe(
      'https://fit.example.org/?v=1&error=x&error_description=y%26z%3D%23',
    );
  });

  test('nothing to append leaves the string alone', () => {
    expect(appendParameters('org.example.tracker:/done', {})).toBe('org.example.tracker:/done');
  });

  test('a lone surrogate becomes the replacement character instead of throwing', () => {
    expect(appendParameters('tracker://linked/ok', { p: 'a\uD800' })).toBe('tracker://linked/ok?p=a%EF%BF%BD');
  });

  test('keeps the registered string as prefix, adds visible ASCII only, and what a parser reads back is what went in', () => {
    const uris = fc.constantFrom(...registrable.map(([uri]) => uri));
    const parameters = fc.dictionary(fc.stringMatching(/^p_[a-z]{1,8}$/), fc.string({ unit: 'binary' }), {
      minKeys: 1,
      maxKeys: 4,
    });
    fc.assert(
      fc.property(uris, parameters, (uri, pairs) => {
        const appended = appendParameters(uri, pairs);
        expect(appended.startsWith(uri)).toBe(true);
        expect(appended).toMatch(/^[\x21-\x7e]+$/);
        expect(appended).not.toContain('#');
        const read = new URL(appended).searchParams;
        for (const [name, value] of Object.entries(pairs)) expect(read.getAll(name)).toEqual([value.toWellFormed()]);
      }),
      { seed, numRuns: 1000 },
    );
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { nearestRegistered, type RedirectUriDifference } from '../../../src/domain/redirect-uri/hint.ts';
import { registrable } from '../../fixtures/redirect-uri-registrations.ts';
import { sentUris } from '../../fixtures/redirect-uris.ts';

const seed = 20_260_614;
const WEB = 'https://fit.example.org/link/done';
const APP = 'tracker://linked/ok';
const REVERSE = 'org.example.tracker:/linked/ok';
const registered = [APP, WEB, REVERSE, 'https://fit.example.org/other?from=scale', 'http://127.0.0.1:4321/done'];

const rows: readonly (readonly [sent: string, nearest: string, differences: readonly RedirectUriDifference[]])[] = [
  ['https://fit.example.org/link/done/', WEB, ['trailing_slash']],
  ['https://FIT.example.org/link/done', WEB, ['case']],
  ['https://fit.example.org/Link/done', WEB, ['case']],
  ['https://fit.example.org/Link/done/', WEB, ['case', 'trailing_slash']],
  ['HTTPS://fit.example.org/link/done', WEB, ['case']],
  ['http://fit.example.org/link/done', WEB, ['scheme']],
  ['https://fit.example.org:443/link/done', WEB, ['port']],
  ['https://fit.example.org:/link/done', WEB, ['port']],
  ['https://fit.example.com/link/done', WEB, ['host']],
  ['https://fit.example.org./link/done', WEB, ['host']],
  ['https://u:p@fit.example.org/link/done', WEB, ['userinfo']],
  ['https://@fit.example.org/link/done', WEB, ['userinfo']],
  ['https://fit.example.org/link/finished', WEB, ['path']],
  ['https://fit.example.org/link//done', WEB, ['path']],
  ['https://fit.example.org/link/done?x=1', WEB, ['query']],
  ['https://fit.example.org/link/done?', WEB, ['query']],
  ['https://fit.example.org/link/done#', WEB, ['fragment']],
  ['https://fit.example.org/link%2Fdone', WEB, ['percent_encoding']],
  ['https%3A%2F%2Ffit.example.org%2Flink%2Fdone', WEB, ['percent_encoding']],
  ['https%3a%2f%2ffit.example.org%2flink%2fdone%2f', WEB, ['percent_encoding', 'trailing_slash']],
  [' https://fit.example.org/link/done', WEB, ['whitespace']],
  ['https://fit.example.org/link/done\n', WEB, ['whitespace']],
  ['https://fit.example.org/link/done\u200B', WEB, ['whitespace']],
  ['https://fit.example.org/link/done\u0000', WEB, ['control_character']],
  ['https:/fit.example.org/link/done', WEB, ['slashes']],
  ['https:fit.example.org/link/done', WEB, ['slashes']],
  ['fit.example.org/link/done', WEB, ['scheme', 'slashes']],
  ['//fit.example.org/link/done', WEB, ['scheme']],
  ['https://fit.ex\u0430mple.org/link/done', WEB, ['non_ascii', 'host']],
  ['https://fit.example.org/other', 'https://fit.example.org/other?from=scale', ['query']],
  ['https://fit.example.org/other?from=Scale', 'https://fit.example.org/other?from=scale', ['case']],
  ['tracker:/linked/ok', APP, ['slashes']],
  ['tracker:///linked/ok', APP, ['slashes']],
  ['tracker://linked/ok/', APP, ['trailing_slash']],
  ['tracker://linked', APP, ['path']],
  ['org.example.tracker://linked/ok', REVERSE, ['slashes']],
  ['http://127.0.0.1:9999/done', 'http://127.0.0.1:4321/done', ['port']],
  ['http://localhost:4321/done', 'http://127.0.0.1:4321/done', ['host']],
];

describe('the nearest registered URI', () => {
  test.each(rows)('for %j is %s: %s', (sent, uri, differences) => {
    expect(nearestRegistered(sent, registered)).toMatchObject({ uri, differences });
  });

  test.each([
    ['https://evil.example.net/steal'],
    ['javascript:alert(1)'],
    ['undefined'],
    [''],
    ['__proto__'],
    [`${WEB}?${'a'.repeat(5000)}`],
  ])('for %j is none of them', (sent) => {
    expect(nearestRegistered(sent, registered)).toBeUndefined();
  });

  test('is none when nothing is registered', () => {
    expect(nearestRegistered(WEB, [])).toBeUndefined();
  });

  test('of a registered URI is itself, without a difference', () => {
    expect(nearestRegistered(WEB, registered)).toEqual({
      uri: WEB,
      differences: [],
      explanation: `The URI sent is the registered ${WEB}.`,
    });
  });
});

describe('an entry that permits any port', () => {
  const ANY = 'http://127.0.0.1/withings/done';
  const ANY_V6 = 'http://[::1]/withings/done';

  test.each<readonly [sent: string, nearest: string, differences: readonly RedirectUriDifference[]]>([
    ['http://127.0.0.1:9189/withings/done/', ANY, ['trailing_slash']],
    ['http://[::1]:9189/withings/done/', ANY_V6, ['trailing_slash']],
    ['http://127.0.0.1:9189/withings/dome', ANY, ['path']],
    ['HTTP://127.0.0.1:1/withings/done', ANY, ['case']],
    ['http://localhost:9189/withings/done', ANY, ['host']],
    ['https://127.0.0.1:9189/withings/done', ANY, ['scheme']],
    ['http:/127.0.0.1:9189/withings/done', ANY, ['slashes']],
    ['http://127.0.0.1:0/withings/done', ANY, ['port']],
    ['http://127.0.0.1:65536/withings/done', ANY, ['port']],
    ['http://127.0.0.1:/withings/done/', ANY, ['port', 'trailing_slash']],
    ['http://127.0.0.1:9189/withings/done', ANY, ['port']],
  ])('differs from %j in what it would refuse alone: %s, %s', (sent, uri, differences) => {
    expect(nearestRegistered(sent, [ANY, ANY_V6])).toMatchObject({ uri, differences });
  });

  test('is explained with its exception', () => {
    expect(nearestRegistered('http://127.0.0.1:9189/withings/done/', [ANY])?.explanation).toBe(
      `The nearest registered URI is ${ANY}. Compared with it: only one of them ends its path with a slash. Any port is taken on a loopback address; the rest must be the same, byte for byte.`,
    );
  });

  test('names the condition if the port is all that differs', () => {
    expect(nearestRegistered('http://127.0.0.1:9189/withings/done', [ANY])?.explanation).toMatch(
      /the port differs\. Any port from 1 to 65535 is taken on a loopback address if the app allows loopback\.$/,
    );
  });

  test('is not an entry with a port', () => {
    const nearest = nearestRegistered('http://127.0.0.1:9189/done/', ['http://127.0.0.1:4321/done']);
    expect(nearest?.differences).toEqual(['port', 'trailing_slash']);
    expect(nearest?.explanation).toMatch(/The two must be the same, byte for byte\.$/);
  });
});

describe('the explanation', () => {
  test('quotes the registered URI and names the difference in words', () => {
    expect(nearestRegistered(`${WEB}/`, registered)?.explanation).toBe(
      `The nearest registered URI is ${WEB}. Compared with it: only one of them ends its path with a slash. The two must be the same, byte for byte.`,
    );
  });

  test('never repeats what was sent', () => {
    const sent = `${WEB}?<script>alert("canary")</script>`;
    const nearest = nearestRegistered(sent, registered);
    expect(nearest?.uri).toBe(WEB);
    expect(nearest?.explanation).not.toMatch(/canary|script|[<>"]/);
  });

  test('for anything thrown at it, names a difference whenever the strings differ and stays in printable ASCII', () => {
    const uris = fc.constantFrom(...registrable.map(([uri]) => uri));
    const edit = fc.record({
      at: fc.nat(),
      remove: fc.nat(3),
      insert: fc.string({ unit: 'binary', maxLength: 3 }),
    });
    const edited = fc.tuple(uris, edit).map(([uri, { at, remove, insert }]) => {
      const position = at % (uri.length + 1);
      return uri.slice(0, position) + insert + uri.slice(position + remove);
    });
    const corpus = fc.constantFrom(...sentUris.map(({ sent }) => sent));
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), edited, corpus),
        fc.array(uris, { maxLength: 20 }),
        (sent, known) => {
          const nearest = nearestRegistered(sent, known);
          if (nearest === undefined) {
            expect(known).not.toContain(sent);
            return;
          }
          expect(known).toContain(nearest.uri);
          expect(nearest.differences.length === 0).toBe(nearest.uri === sent);
          expect(nearest.explanation).toMatch(/^[\x20-\x7e]+$/);
        },
      ),
      { seed, numRuns: 5000 },
    );
  });
});

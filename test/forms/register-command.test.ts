import { execFileSync } from 'node:child_process';

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { asAppId } from '../../src/domain/app-id.ts';
import { registerCommand } from '../../src/http/register-command.ts';

/** The command in `redirect_uri_not_allowed`, given to a shell in which `mushu` prints its arguments. */
const argumentsOf = (commands: readonly string[]): string[][] =>
  execFileSync('sh', ['-c', [`mushu() { printf '%s\\n' "$@"; echo; }`, ...commands].join('\n')], { encoding: 'utf8' })
    .split('\n\n')
    .slice(0, -1)
    .map((each) => each.split('\n'));

const wanted = (uri: string): string[] => ['health', 'redirect-uri', 'add', uri, '--app', 'app_1'];

test('the documented URI needs no quotes', () => {
  expect(registerCommand(asAppId('app_1'), 'womoji://withings/success')).toBe(
    'mushu health redirect-uri add womoji://withings/success --app app_1',
  );
});

test('a shell gives mushu the very URI, whatever printable characters it has, and runs nothing in it', () => {
  const hostile = ["a:/'; echo broken; '", 'a:/$(echo broken)', 'a:/b?c=d&e=f', 'a:/~;|<>"\\!*{}[]#', "a:/'''"];
  const random = fc.sample(
    fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCodePoint(code)), minLength: 1 }),
    { numRuns: 500, seed: 19 },
  );
  const uris = [...hostile.map((uri) => uri.replaceAll(' ', '')), ...random].filter(
    (uri) => registerCommand(asAppId('app_1'), uri) !== undefined,
  );
  expect(uris.length).toBeGreaterThan(400);
  expect(argumentsOf(uris.map((uri) => registerCommand(asAppId('app_1'), uri) ?? ''))).toEqual(uris.map(wanted));
});

test.each(['a:/`id`', '-rf', '--help'])('there is none for %s, which no registration takes', (uri) => {
  expect(registerCommand(asAppId('app_1'), uri)).toBeUndefined();
});

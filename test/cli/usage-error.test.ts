import { describe, expect, test } from 'vitest';

import { appsCommand } from '../../src/cli/commands/apps.ts';
import { healthCommand } from '../../src/cli/commands/health.ts';
import { hintAfter } from '../../src/cli/usage-error.ts';

/** What `mushu` adds to an error in its command line. */

const unexpected = (word: string) => `Error: Unexpected option or subcommand: \`${word}\`.\n`;

describe('a mistyped name', () => {
  test.each([
    ['health redirect-uri ad x', 'ad', 'add', 'mushu health redirect-uri'],
    ['health statu ada', 'statu', 'status', 'mushu health'],
    ['health snyc ada', 'snyc', 'sync', 'mushu health'],
    ['health metrics ada --metrc x', '--metrc', '--metric', 'mushu health metrics'],
    ['health link ada --ap x', '--ap', '--app', 'mushu health link'],
  ])('in "%s" is answered with the one that was meant', (line, word, meant, command) => {
    expect(hintAfter(unexpected(word), healthCommand.usage, line.split(' '))).toBe(
      `Did you mean \`${meant}\`?\n${command} --help explains it.`,
    );
  });

  test.each([
    ['apps lst', 'lst', 'list'],
    ['apps crete', 'crete', 'create'],
  ])('is found in another command too: %s', (line, word, meant) => {
    expect(hintAfter(unexpected(word), appsCommand.usage, line.split(' '))).toContain(`\`${meant}\``);
  });

  test('that is like nothing is answered with the help alone', () => {
    expect(hintAfter(unexpected('frob'), healthCommand.usage, ['health', 'frob'])).toBe(
      'mushu health --help explains it.',
    );
    expect(hintAfter(unexpected('frob'), healthCommand.usage, ['frob'])).toBe('mushu --help lists the commands.');
  });
});

test('a missing argument leads to the help of its own command', () => {
  const error = 'Error: Expected a `USER`, but too few arguments.\n';
  expect(hintAfter(error, healthCommand.usage, ['health', 'status'])).toBe('mushu health status --help explains it.');
});

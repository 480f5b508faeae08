import { beforeEach, expect, test } from 'vitest';

import { type Mushu, newMushu } from './mushu.ts';

/** The first screen of `mushu`, its help and its completion. */

let mushu: Mushu;
let run: Mushu['run'];

beforeEach(() => {
  mushu = newMushu();
  run = mushu.run;
});

test('the first screen shows what there is in groups, with examples, and a wrong word leads to it', async () => {
  const { out, code } = await run([]);
  expect(code).toBe(0);
  for (const part of ['Signing in:', 'Apps and their users:', 'When something is wrong:', 'Examples:', 'Exit codes:']) {
    expect(out).toContain(part);
  }
  expect(out.split('\n').length).toBeLessThan(42);
  expect(await run(['--help'])).toMatchObject({ code: 0, out });
  expect((await run(['frob'])).err).toContain('mushu --help');
});

test('completion is printed for each shell, and knows commands and options', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) expect((await run(['completion', shell])).out).toContain('mushu');
  expect((await run(['completion', 'bash', 'health', 're'])).out).toContain('redirect-uri');
  expect((await run(['completion', 'bash', 'health', 'metrics', 'ada', '--m'])).out).toContain('--metric');
});

test('the help of a command ends with an example', async () => {
  for (const command of [['apps', 'list'], ['health', 'link'], ['doctor']]) {
    expect((await run([...command, '--help'])).out).toContain(`Example: \`mushu ${command.join(' ')}`);
  }
});

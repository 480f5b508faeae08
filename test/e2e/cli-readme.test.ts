import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import { spawn } from 'zigpty';

import { codeBlocks } from '../support/markdown.ts';
import { NET_MS } from '../support/net.ts';
import { WOMOJI } from './client.ts';
import { newMushu } from './mushu.ts';
import { ready } from './shared.ts';

/** The README's commands for `mushu`, typed into a shell on a terminal as they stand there, with a home that has nothing yet. */

const root = new URL('../..', import.meta.url).pathname;

test('the README’s commands install, sign in, register a redirect URI, list it, and find the broker well', async () => {
  const [, section = ''] = readFileSync(join(root, 'README.md'), 'utf8').split('## From the command line');
  const [block = ''] = codeBlocks(section, 'sh');
  const commands = block.replaceAll('http://127.0.0.1:8787', ready.url).replaceAll('app_…', ready.app_id);
  const { home } = newMushu();
  const shell = spawn('bash', ['-ec', commands], {
    cwd: root,
    cols: 200,
    env: {
      HOME: home,
      PATH: `${home}/bin:${process.env['PATH']}`,
      npm_config_prefix: home,
      npm_config_cache: `${home}/cache`,
    },
  });
  let screen = '';
  shell.onData((data) => (screen += data.toString()));
  await shell.waitFor('Access token: ', { timeout: NET_MS });
  shell.write(`${ready.admin_token}\r`);
  expect({ code: await shell.exited, screen }).toMatchObject({ code: 0 });
  expect(screen).toContain(`Signed in to ${ready.url}`);
  expect(screen.split(WOMOJI).length).toBeGreaterThan(2);
  expect(screen).toMatch(/ok .*migrations/);
  expect(screen).not.toContain(ready.admin_token);
});

/**
 * `npm run check`: types (of the client also as its package is built), lint, format and unused code, at once. Prints
 * the output of each, and fails if one does.
 */
import './help.ts';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

// Each checker of `tsc` works out shared types by itself, and the other checks need the cores.
const CHECKS = [
  'tsc --checkers 1',
  'tsc --checkers 1 -p tsconfig.worker.json',
  'tsc -p src/client --noEmit',
  'oxlint --type-aware --deny-warnings',
  'oxfmt --check',
  'knip',
];

const ended = CHECKS.map(async (command) => {
  const [program = '', ...args] = command.split(' ');
  // npm puts node_modules/.bin into PATH.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
  const code = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { command, code: await code, said: out + err };
});

for (const one of ended) {
  const { command, code, said } = await one;
  console.log(`> ${command}\n${said}`);
  if (code !== 0) process.exitCode = 1;
}

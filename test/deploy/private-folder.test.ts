import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

const UPLOAD = import.meta.resolve('../../scripts/deploy/upload.ts');

const ENDS: [how: string, code: number][] = [
  ["process.kill(process.pid, 'SIGINT')", 130],
  ["process.kill(process.pid, 'SIGTERM')", 143],
  ["process.kill(process.pid, 'SIGHUP')", 129],
  ["setImmediate(() => { throw new Error('a bug') })", 1],
  ["throw new Error('a failure')", 1],
];
test.each(ENDS)('an upload that ends by %s leaves no secret behind', async (how, code) => {
  const temporary = mkdtempSync(join(tmpdir(), 'mushu-private-'));
  onTestFinished(() => rmSync(temporary, { recursive: true }));
  const program = `
    import { readdirSync } from 'node:fs';
    import { upload } from '${UPLOAD}';
    const wrangler = async () => {
      console.log(readdirSync(process.env.TMPDIR).length);
      ${how};
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    };
    await upload(wrangler, { config: '', secrets: { KEYRING: 'secret' }, attended: false });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  const [ended] = (await once(child, 'close')) as [number | null];
  expect([said, ended, readdirSync(temporary)]).toEqual(['1\n', code, []]);
});

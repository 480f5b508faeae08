import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';

const DEPLOY = fileURLToPath(import.meta.resolve('../../scripts/deploy.ts'));
const FAKE_WRANGLER = fileURLToPath(import.meta.resolve('../fixtures/fake-wrangler.ts'));

let folder: string;
let url: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mushu-deploy-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'bin'));
  const program = join(folder, 'bin', 'wrangler');
  await writeFile(
    program,
    `#!/bin/sh\nexec "${process.execPath}" --disable-warning=ExperimentalWarning "${FAKE_WRANGLER}" "$@"\n`,
  );
  await chmod(program, 0o755);
  const server = createServer((request, response) => response.writeHead(request.url === '/healthz' ? 200 : 404).end());
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : ''}`;
});

const CREDENTIALS = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };

/** Runs the deployment as a process, against a wrangler that plays the account; what it printed, and whether it succeeded. */
const deploy = async (args: string[], env: Record<string, string> = {}) => {
  const run = promisify(execFile)(process.execPath, [DEPLOY, ...args], {
    cwd: folder,
    env: {
      PATH: [join(folder, 'bin'), dirname(process.execPath)].join(delimiter),
      FAKE_ACCOUNT: join(folder, 'account.json'),
      FAKE_URL: url,
      ...env,
    },
  });
  run.child.stdin?.end();
  return run.then(
    ({ stdout }) => ({ ok: true, said: stdout }),
    ({ stdout, stderr }: { stdout: string; stderr: string }) => ({ ok: false, said: stdout + stderr }),
  );
};

type Account = { calls: string[]; databases: object[]; namespaces: object[]; secrets: Record<string, string> };
const account = async (): Promise<Account> => JSON.parse(await readFile(join(folder, 'account.json'), 'utf8'));

const STEPS = ['whoami', 'd1 create', 'kv namespace create', 'secret list', 'd1 migrations apply', 'deploy'];

describe('npm run deploy', () => {
  test('makes everything, in an order in which no code meets a database without its tables', async () => {
    const { ok, said } = await deploy(['--jurisdiction', 'eu'], CREDENTIALS);
    expect(said).toContain('/healthz: answers');
    expect(ok).toBe(true);
    const { calls, secrets } = await account();
    const order = STEPS.map((step) => calls.findIndex((call) => call.startsWith(step)));
    expect(order).toEqual(order.toSorted((left, right) => left - right));
    expect(order).not.toContain(-1);
    expect(calls).toContain('d1 create mushu-health --jurisdiction eu');
    expect(calls.find((call) => call.startsWith('d1 migrations'))).toContain('--remote');
    expect(Object.keys(secrets).sort()).toEqual([
      'KEYRING',
      'OPERATOR_TOKEN',
      'WITHINGS_CLIENT_ID',
      'WITHINGS_CLIENT_SECRET',
    ]);
    expect(said).toContain(`${url}/withings/callback`);
    expect(said.split(secrets['OPERATOR_TOKEN'] ?? '?')).toHaveLength(2);
    expect(said).not.toContain('secret-1');
    const config = await readFile(join(folder, 'wrangler.deploy.toml'), 'utf8');
    expect(config).toContain('database_id = "db-1"');
    expect(config).toMatch(/binding = "LINKS"\nid = "kv-1"/);
  });

  test('run again is an upgrade: nothing is made twice, and the secrets stay', async () => {
    await deploy([], CREDENTIALS);
    const before = await account();
    const { ok, said } = await deploy([]);
    expect(ok).toBe(true);
    const after = await account();
    expect(after.databases).toEqual(before.databases);
    expect(after.namespaces).toEqual(before.namespaces);
    expect(after.secrets).toEqual(before.secrets);
    expect(said).not.toContain('mushu_operator_');
    expect(after.calls.filter((call) => call.startsWith('d1 migrations'))).toHaveLength(2);
  });

  test.each(STEPS)('cut off at "%s", is simply run again', async (step) => {
    const cutOff = await deploy([], { ...CREDENTIALS, FAKE_FAIL: step });
    expect(cutOff.ok).toBe(false);
    expect(cutOff.said).not.toContain('mushu_operator_');
    expect((await deploy([], CREDENTIALS)).ok).toBe(true);
    const { databases, namespaces, secrets } = await account();
    expect([databases.length, namespaces.length, Object.keys(secrets).length]).toEqual([1, 1, 4]);
  });

  test('serves a host of its own where one is wished for, and nothing on workers.dev', async () => {
    await deploy(['--domain', 'withings.example.com'], { ...CREDENTIALS, FAKE_FAIL: 'deploy' });
    const config = await readFile(join(folder, 'wrangler.deploy.toml'), 'utf8');
    expect(config).toContain('workers_dev = false');
    expect(config).toContain('routes = [{ pattern = "withings.example.com", custom_domain = true }]');
    expect(config).toContain('PUBLIC_URL = "https://withings.example.com"');
  });

  test('says what is missing, and has then touched nothing that it would have to undo', async () => {
    expect((await deploy([])).said).toContain('needs WITHINGS_CLIENT_ID');
    expect((await account()).calls.some((call) => call.startsWith('deploy'))).toBe(false);
    expect((await deploy([], { FAKE_FAIL: 'whoami' })).said).toContain('Nobody is logged in');
    expect((await deploy(['--domain', 'https://x'], CREDENTIALS)).said).toContain('takes a host name');
    expect((await deploy(['--jurisdiction', 'mars'], CREDENTIALS)).said).toContain('takes eu, us, fedramp');
  });

  test('shows every step with --dry-run, touches no account, and says how big the bundle is', async () => {
    const root = fileURLToPath(import.meta.resolve('../..'));
    const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'deploy', '--', '--dry-run'], {
      cwd: root,
    });
    for (const step of STEPS) expect(stdout).toContain(`wrangler ${step}`);
    expect(stdout).toMatch(/gzip: [\d.]+ KiB/);
    expect(stdout).toContain('--dry-run: exiting now');
  });
});

import { execFile, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, onTestFinished, test } from 'vitest';
import { spawn as spawnOnTerminal } from 'zigpty';

import { wranglerWith } from '../../scripts/deploy/wrangler.ts';
import { wranglerProgram } from '../../scripts/dev/children.ts';
import { openAccount } from './account.ts';
import { startCloudflare } from './cloudflare-stand-in.ts';
import { localBroker } from './local-broker.ts';
import { standInWrangler } from './wrangler-stand-in.ts';

/** The deployment as a person starts it: a process that runs wrangler itself, which talks to a stand-in for Cloudflare's API. */

const DEPLOY = fileURLToPath(import.meta.resolve('../../scripts/deploy.ts'));
const ROOT = fileURLToPath(import.meta.resolve('../..'));
const CREDENTIALS = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'withings-secret-1' };

const INTERNAL_ERROR = { status: 500, code: 7500, message: 'internal error' };
const ANSWERS: [question: string, answer: string][] = [
  ['Custom domain', 'withings.example.com'],
  ['Keep the data in', 'eu'],
  ['client id', 'id-1'],
  ['client secret', 'withings-secret-1'],
];

/** What decides who serves what: not the files, the cron, the settings of the log, or the tables. */
const CHANGE =
  /^(PUT|POST|DELETE) .*(d1\/database\/[\w-]+|scripts\/[\w-]+(\/versions|\/deployments|\/domains\/records)?)$/;

type Run = { args?: string[]; env?: Record<string, string>; answers?: [question: string, answer: string][] };

/** An account and a machine, both new. */
const newcomer = async () => {
  const cloud = await startCloudflare();
  const home = await mkdtemp(join(tmpdir(), 'mushu-deploy-test-'));
  const stops: (() => void)[] = [];
  onTestFinished(async () => {
    for (const stop of stops) stop();
    cloud.stop();
    // What was stopped may still write.
    await rm(home, { recursive: true, force: true, maxRetries: 50 });
  });
  const state = join(home, 'state');
  const machine = {
    // Nothing of the real machine but its programs: neither a login nor a setting.
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    CLOUDFLARE_API_BASE_URL: cloud.apiUrl,
    CLOUDFLARE_API_TOKEN: 'cf-token-1',
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
    // Where wrangler writes down how it was called.
    WRANGLER_OUTPUT_FILE_DIRECTORY: join(home, 'calls'),
  };
  /** Deploys; what was printed, and whether it succeeded. */
  const deploy = async ({ args = [], env = {}, answers: given = [] }: Run = {}) => {
    const answers = [...given];
    const command = [DEPLOY, '--state', state, '--health-url', cloud.origin, ...args];
    const options = { cwd: home, env: { ...machine, ...env } };
    let said = '';
    if (answers.length > 0) {
      const terminal = spawnOnTerminal(process.execPath, command, { ...options, cols: 200 });
      stops.push(() => terminal.kill());
      terminal.onData((data) => {
        said += data.toString();
        const [next] = answers;
        if (next === undefined || !said.includes(next[0])) return;
        answers.shift();
        terminal.write(`${next[1]}\r`);
      });
      const code = await new Promise((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
      return { ok: code === 0, said };
    }
    // A group of its own: where a test ends early, wrangler is stopped with it.
    const child = spawn(process.execPath, command, { ...options, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    stops.push(() => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid);
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
    const code = await new Promise((resolve) => child.on('close', resolve));
    return { ok: code === 0, said };
  };
  /** What the documentation tells an operator to run. */
  const putSecret = async (name: string, value: string): Promise<void> => {
    const args = ['secret', 'put', name, '--name', 'mushu-health'];
    const run = promisify(execFile)(process.execPath, [wranglerProgram, ...args], {
      cwd: home,
      env: { ...machine, CLOUDFLARE_ACCOUNT_ID: cloud.accounts[0]?.id },
    });
    run.child.stdin?.end(value);
    await run;
  };
  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(state, name), 'utf8'));
  const wranglerCalls = async (): Promise<string> => {
    const files = globSync('calls/*', { cwd: home });
    return (await Promise.all(files.map(async (file) => readFile(join(home, file), 'utf8')))).join('\n');
  };
  return { cloud, deploy, putSecret, read, state, wranglerCalls };
};

const ourDatabase = (cloud: Awaited<ReturnType<typeof startCloudflare>>) =>
  cloud.databases.find(({ name }) => name === 'mushu-health');

describe('npm run deploy', () => {
  test('that fails at any step says what to do, and run again finishes with nothing made twice', async () => {
    const { cloud, deploy, putSecret, read, state, wranglerCalls } = await newcomer();
    const env = { CLOUDFLARE_ACCOUNT_ID: cloud.accounts[0]?.id ?? '' };
    // More than one page of them.
    for (let index = 0; index < 120; index += 1) cloud.addDatabase(`somebody-elses-${index}`);

    cloud.accounts.push({ id: 'acc0000000000000000000000000000b', name: 'Work' });
    const undecided = await deploy({ env: CREDENTIALS });
    expect(undecided.said).toContain('choose one with --account ID.\n  acc0000000000000000000000000000a  Ada');
    expect(cloud.requests.filter((request) => !request.startsWith('GET'))).toEqual([]);

    cloud.failOnce(/^POST \/d1\/database$/, 'cut after');
    const cutOff = await deploy({ env, answers: ANSWERS });
    expect(cutOff.said).toContain('Making the database failed.');
    expect(ourDatabase(cloud)).toMatchObject({ jurisdiction: 'eu' });
    expect(ourDatabase(cloud)).not.toHaveProperty('primary_location_hint');

    cloud.failOnce(/^POST \/storage\/kv/, { status: 403, code: 10_000, message: 'Authentication error' });
    const forbidden = await deploy({ env: { ...env, ...CREDENTIALS } });
    expect(forbidden.said).toContain('Making the KV namespace failed. The login or API token lacks a permission.');

    for (const fault of ['pass', 'pass', 'pass', INTERNAL_ERROR] as const) cloud.failOnce(/query$/, fault);
    const half = await deploy({ env: { ...env, ...CREDENTIALS } });
    expect(half.said).toContain('Applying the migrations failed.');
    expect(appliedMigrations(cloud)).toHaveLength(1);
    expect(cloud.worker).toBeUndefined();

    cloud.failOnce(/^PUT .*\/domains\/records$/, INTERNAL_ERROR);
    const unaddressed = await deploy({ env: { ...env, ...CREDENTIALS } });
    expect(unaddressed.said).toContain('Deploying the Worker failed.');
    const secrets = new Map(cloud.worker?.secrets);
    expect([...secrets.keys()].sort()).toEqual([...Object.keys(CREDENTIALS), 'KEYRING', 'OPERATOR_TOKEN'].sort());

    // As Workers Builds runs it: without a person to ask, without a credential of Withings, with what earlier runs left.
    const done = await deploy({
      env: { CI: '1', WORKERS_CI: '1' },
      args: ['--import', localBroker(join(state, '../local')), '--with-people'],
    });
    expect(done.said).toContain('carried over: accounts 0, access_tokens 0, apps 1, redirect_uris 1, api_keys 1');
    expect(ourDatabase(cloud)?.sqlite.prepare('SELECT name, uri FROM apps JOIN redirect_uris').all()).toEqual([
      { name: "Womoji's", uri: 'womoji://done' },
    ]);
    expect(ourDatabase(cloud)?.sqlite.prepare('SELECT user_id FROM connections').all()).toEqual([{ user_id: 'grace' }]);
    expect(done.said).toContain('runs in eeur, and the Worker beside it');
    expect(cloud.worker?.placement).toMatchObject({ region: 'gcp:europe-central2' });
    expect(done.said).toContain('https://withings.example.com/withings/callback');
    expect(done.said).toContain(join(state, 'secrets.json'));
    expect(await read('secrets.json')).toEqual({
      KEYRING: secrets.get('KEYRING'),
      OPERATOR_TOKEN: secrets.get('OPERATOR_TOKEN'),
    });
    expect(cloud.worker?.secrets).toEqual(secrets);
    expect(cloud.worker?.uploads.map((sent) => sent.length)).toEqual([4, 0]);
    expect(cloud.databases).toHaveLength(121);
    expect(cloud.namespaces).toMatchObject([{ jurisdiction: 'eu' }]);
    const migrations = globSync('migrations/*.sql', { cwd: ROOT }).map((file) => basename(file));
    expect(appliedMigrations(cloud)).toEqual(migrations.sort());
    const migrated = cloud.requests.findLastIndex((request) => request.endsWith('/query'));
    expect(migrated).toBeLessThan(cloud.requests.findLastIndex((request) => request.endsWith('/versions')));
    expect([...cloud.domains.keys(), ...(cloud.worker?.crons ?? [])]).toEqual(['withings.example.com', '* * * * *']);

    // With the credentials of a trial still in the shell.
    const before = cloud.requests.length;
    const trial = await deploy({ env: { ...env, ...CREDENTIALS, WITHINGS_CLIENT_ID: 'id-of-a-trial' } });
    expect([trial.ok, trial.said]).toEqual([false, expect.stringContaining('belong to the Withings client id-1')]);
    expect(cloud.requests.slice(before).filter((request) => !request.startsWith('GET'))).toEqual([]);

    await putSecret('KEYRING', 'rotated');
    expect(cloud.worker?.secrets).toEqual(new Map(secrets).set('KEYRING', 'rotated'));

    const runs = [undecided, cutOff, forbidden, half, unaddressed, done];
    expect(runs.map(({ ok }) => ok)).toEqual([false, false, false, false, false, true]);
    for (const { said } of runs.slice(1, -1)) expect(said).toContain('Run this again');
    const printed = `${runs.map(({ said }) => said).join('\n')}${await wranglerCalls()}`;
    expect(printed).toContain('"command_line_args":["d1","create"');
    for (const secret of secrets.values()) if (secret !== 'id-1') expect(printed).not.toContain(secret);
  });

  test('on workers.dev uploads twice, to give the Worker the address that it got', async () => {
    const { cloud, deploy, read } = await newcomer();
    const run = {
      env: { ...CREDENTIALS, CLOUDFLARE_ACCOUNT_ID: cloud.accounts[0]?.id ?? '' },
      args: ['--domain', 'workers.dev'],
    };
    const first = await deploy(run);
    expect(first.said).toContain('PUBLIC_URL: https://mushu-health.ada.workers.dev');
    const publicUrl = () => cloud.worker?.bindings.find(({ name }) => name === 'PUBLIC_URL');
    expect(publicUrl()).toMatchObject({ type: 'plain_text', text: 'https://mushu-health.ada.workers.dev' });
    expect(await read('deployment.json')).toMatchObject({ workersDevUrl: 'https://mushu-health.ada.workers.dev' });
    expect(cloud.worker?.uploads.map((sent) => sent.length)).toEqual([4, 0]);
    expect(first.ok).toBe(true);
  });

  test('with a front asks Cloudflare for what the stand-in for wrangler asks, which other tests deploy with', async () => {
    const changesWith = async (wranglerTo: Parameters<typeof openAccount>[0]): Promise<string[]> => {
      const { cloud, succeed } = await openAccount(wranglerTo);
      const database = cloud.databases[0]?.uuid ?? '';
      await succeed({ flags: { edge: true, domain: 'withings.example.com' }, env: CREDENTIALS });
      await succeed({ flags: { 'no-edge': true } });
      const changes = cloud.requests.filter((request) => CHANGE.test(request));
      return changes.map((request) => request.replace(database, 'DATABASE'));
    };
    const expected = await changesWith(standInWrangler);
    expect(expected.at(-1)).toBe('DELETE /workers/scripts/mushu-health-edge');
    expect(await changesWith(() => wranglerWith)).toEqual(expected);
  });

  test('shows every step with --dry-run, reaches no network, and says how big the bundle is', async () => {
    const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'deploy', '--', '--dry-run'], {
      cwd: ROOT,
      env: { ...process.env, CLOUDFLARE_API_BASE_URL: 'http://127.0.0.1:9', WITHINGS_CLIENT_ID: '' },
    });
    const steps = ['whoami', 'd1 create mushu-health --location weur', 'kv namespace create', 'd1 migrations'];
    const order = [...steps, 'deploy --secrets-file'].map((step) => stdout.indexOf(`wrangler ${step}`));
    expect(order).toEqual(order.toSorted((left, right) => left - right));
    expect(order).not.toContain(-1);
    expect(stdout).toMatch(/gzip: [\d.]+ KiB/);
    expect(stdout).toContain('--dry-run: exiting now');
  });
});

const appliedMigrations = (cloud: Awaited<ReturnType<typeof startCloudflare>>): unknown[] =>
  ourDatabase(cloud)
    ?.sqlite.prepare('SELECT name FROM d1_migrations ORDER BY id')
    .all()
    .map(({ name }) => name) ?? [];

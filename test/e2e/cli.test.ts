import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';

import { recordShown } from '../support/canaries.ts';
import { walk, WOMOJI } from './client.ts';

/** `mushu` as it is installed: built, and run as a process with a home of its own, against what `npm run dev` starts. */
const { ready } = inject('dev');
const root = new URL('../..', import.meta.url).pathname;
const mushu = join(root, 'dist/cli/mushu.js');
let home: string;

beforeAll(() => {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: 'ignore' });
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mushu-cli-'));
  return () => rmSync(home, { recursive: true });
});

type Ended = { code: number | null; out: string; err: string };

const run = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [mushu, ...args], {
      env: { HOME: home, PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.on('close', (code) => {
      recordShown({ where: `output of mushu ${args.slice(0, 2).join(' ')}`, text: out + err });
      resolve({ code, out, err });
    });
  });

const asOperator = { MUSHU_URL: ready.url, MUSHU_TOKEN: ready.admin_token };
const config = (): string => join(home, '.config/mushu/config.json');

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});
const answering = async (status: number, type: string, body: string): Promise<string> => {
  const server = createServer((_request, response) => response.writeHead(status, { 'Content-Type': type }).end(body));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test('right after login, a redirect URI is registered in one command and listed in another', async () => {
  const signedIn = await run(['login', '--url', ready.url, '--token', ready.admin_token]);
  expect(signedIn).toMatchObject({ code: 0, err: '' });
  expect(signedIn.out).not.toContain(ready.admin_token);
  expect(statSync(config()).mode & 0o777).toBe(0o600);

  const added = await run(['health', 'redirect-uri', 'add', WOMOJI, '--app', ready.app_id]);
  expect(added).toMatchObject({ code: 0 });
  expect(added.out).toContain(WOMOJI);
  const listed = await run(['health', 'redirect-uri', 'list', '--app', ready.app_id]);
  expect(listed).toMatchObject({ code: 0, err: '' });
  expect(listed.out).toContain(WOMOJI);
  expect(listed.out).not.toContain('\u001B');
  const asJson = await run(['health', 'redirect-uri', 'list', '--app', ready.app_id, '--json']);
  expect((JSON.parse(asJson.out) as { uri: string }[]).map(({ uri }) => uri)).toContain(WOMOJI);

  const missed = await run(['health', 'redirect-uri', 'test', 'womoji://withings/Success', '--app', ready.app_id]);
  expect(missed).toMatchObject({ code: 1 });
  expect(missed.out).toContain('upper and lower case differ');
});

test('a file that others could read is closed by the next login, and logout empties it', async () => {
  await run(['login', '--url', ready.url, '--token', ready.admin_token]);
  chmodSync(config(), 0o644);
  await run(['login', '--url', ready.url, '--token', ready.admin_token]);
  expect(statSync(config()).mode & 0o777).toBe(0o600);
  expect((await run(['logout'])).code).toBe(0);
  expect(readFileSync(config(), 'utf8')).not.toContain(ready.admin_token);
  expect(await run(['apps', 'list'])).toMatchObject({ code: 3, out: '' });
});

test('a token that is kept for one broker is not shown to another', async () => {
  await run(['login', '--url', ready.url, '--token', ready.admin_token]);
  let shown: string | undefined = 'nothing came';
  const server = createServer((request, response) => {
    shown = request.headers.authorization;
    response.end('{}');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await run(['whoami', '--url', `http://127.0.0.1:${(server.address() as AddressInfo).port}`]);
  expect(shown).toBeUndefined();
});

test.each([
  { name: 'no such command', args: ['apps', 'frob'], env: asOperator, code: 2, says: 'frob' },
  { name: 'no app named', args: ['keys', 'list'], env: asOperator, code: 2, says: '--app' },
  { name: 'nobody signed in', args: ['whoami'], env: {}, code: 3, says: 'mushu login' },
  {
    name: 'a token that is over',
    args: ['whoami'],
    env: { ...asOperator, MUSHU_TOKEN: `mushu_access_${'0'.repeat(72)}` },
    code: 3,
    says: 'code invalid_access_token, request ',
  },
  {
    name: 'no such app',
    args: ['apps', 'show', 'app_x'],
    env: asOperator,
    code: 4,
    says: 'code app_not_found, request ',
  },
  {
    name: 'no network',
    args: ['whoami', '--url', 'http://127.0.0.1:9'],
    env: asOperator,
    code: 5,
    says: 'can be reached',
  },
])('$name: exit code $code, and what to do on stderr', async ({ args, env, code, says }) => {
  const ended = await run(args, env);
  expect(ended).toMatchObject({ code, out: '' });
  expect(ended.err).toContain(says);
  expect(ended.err).not.toMatch(/\n\s+at |mushu_operator_/);
});

test.each([
  { name: 'a web page', status: 200, type: 'text/html', body: '<!doctype html><title>Hello</title>' },
  { name: 'an error page', status: 404, type: 'text/html', body: '<h1>Not here</h1>' },
  { name: 'a broker of another version', status: 200, type: 'application/json', body: '{"who":"operator"}' },
])('$name at the URL is told from a broker', async ({ status, type, body }) => {
  const url = await answering(status, type, body);
  const ended = await run(['whoami'], { ...asOperator, MUSHU_URL: url });
  expect(ended).toMatchObject({ code: 5, out: '' });
  expect(ended.err).toContain('of a version that fits');
});

test('what comes later is told so, with the pause', async () => {
  const problem = {
    type: 'x',
    title: 'Too many',
    status: 429,
    detail: 'Wait.',
    code: 'rate_limited',
    request_id: 'r1',
  };
  const url = await answering(429, 'application/problem+json', JSON.stringify(problem));
  expect(await run(['whoami'], { ...asOperator, MUSHU_URL: url })).toEqual({
    code: 6,
    out: '',
    err: 'mushu: Too many: Wait.\ncode rate_limited, request r1\n',
  });
});

test('a reader that has seen enough ends it quietly', async () => {
  const piped = execFileSync(
    'bash',
    ['-c', `set -o pipefail; "${process.execPath}" "${mushu}" audit --json | head -1`],
    {
      env: { HOME: home, PATH: process.env['PATH'] ?? '', ...asOperator },
      encoding: 'utf8',
    },
  );
  expect(piped).toBe('[\n');
});

test('a user is synced to the end, read, listed and disconnected', async () => {
  const env = { ...asOperator, MUSHU_APP: ready.app_id };
  await walk(ready, { userId: 'cli-nora' });
  expect(await run(['health', 'sync', 'cli-nora'], env)).toMatchObject({ code: 0, err: '' });
  const metrics = await run(['health', 'metrics', 'cli-nora', '--metric', 'weight', '--limit', '2', '--json'], env);
  expect(JSON.parse(metrics.out)).toHaveLength(2);
  const users = await run(['health', 'users', '--search', 'cli-', '--state', 'active'], env);
  expect(users.out).toContain('cli-nora');
  const link = await run(['health', 'link', 'cli-nora', '--redirect-uri', WOMOJI, '--qr'], env);
  expect(link.out).toMatch(/withings\/auth\?session=/);
  expect(await run(['health', 'disconnect', 'cli-nora'], env)).toMatchObject({ code: 0 });
  expect((await run(['health', 'status', 'cli-nora'], env)).out).toContain('disconnected');
});

test('the audit names who did it and that it was through the command line', async () => {
  const made = await run(['keys', 'create', 'by-cli', '--app', ready.app_id, '--scope', 'read', '--json'], asOperator);
  const { id, key } = JSON.parse(made.out) as { id: string; key: string };
  const audit = await run(['audit', '--app', ready.app_id, '--limit', '3', '--json'], asOperator);
  expect(audit.out).not.toContain(key);
  expect(JSON.parse(audit.out)).toContainEqual(
    expect.objectContaining({ action: 'api_key.created', subject: id, actor: 'operator', surface: 'cli' }),
  );
});

test('doctor finds the development broker well', async () => {
  const examined = await run(['doctor', '--json'], asOperator);
  const checks = JSON.parse(examined.out) as { check: string; ok: boolean }[];
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  expect(checks.map(({ check }) => check)).toEqual([
    'broker',
    'clock',
    'callback',
    'token',
    'cron',
    'withings',
    'keyring',
    'migrations',
  ]);
  expect(examined.code).toBe(0);
});

test.each(['bash', 'zsh', 'fish'])('completion for %s is printed, and every command has an example', async (shell) => {
  expect((await run(['completion', shell])).out).toContain('mushu');
  for (const command of [['apps', 'list'], ['health', 'link'], ['doctor']]) {
    expect((await run([...command, '--help'])).out).toContain(`Example: \`mushu ${command.join(' ')}`);
  }
});

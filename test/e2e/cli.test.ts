import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';

import { beforeEach, expect, inject, test } from 'vitest';

import { walk, WOMOJI } from './client.ts';
import { expireToken } from './database.ts';
import { listen, MUSHU, type Mushu, newMushu, nowhere } from './mushu.ts';

/** `mushu` against what `npm run dev` starts, and against what is no such thing. */

const { ready, state } = inject('dev');
let mushu: Mushu;
let run: Mushu['run'];

beforeEach(() => {
  mushu = newMushu();
  run = mushu.run;
});

const asOperator = { MUSHU_URL: ready.url, MUSHU_TOKEN: ready.admin_token };
const answering = (status: number, type: string, body: string): Promise<string> =>
  listen((_request, response) => response.writeHead(status, { 'Content-Type': type }).end(body));

test('right after login, a redirect URI is registered in one command and listed in another', async () => {
  const signedIn = await mushu.runApart(['login', '--url', ready.url, '--token', ready.admin_token]);
  expect(signedIn).toMatchObject({ code: 0, err: '' });
  expect(signedIn.out).not.toContain(ready.admin_token);
  expect(statSync(mushu.config).mode & 0o777).toBe(0o600);

  const added = await mushu.runApart(['health', 'redirect-uri', 'add', WOMOJI, '--app', ready.app_id]);
  expect(added).toMatchObject({ code: 0 });
  expect(added.out).toContain(WOMOJI);
  const listed = await mushu.runApart(['health', 'redirect-uri', 'list', '--app', ready.app_id]);
  expect(listed).toMatchObject({ code: 0, err: '' });
  expect(listed.out).toContain(WOMOJI);
  expect(listed.out).not.toContain('\u001B');
  const asJson = await mushu.runApart(['health', 'redirect-uri', 'list', '--app', ready.app_id, '--json']);
  expect((JSON.parse(asJson.out) as { uri: string }[]).map(({ uri }) => uri)).toContain(WOMOJI);

  const missed = await mushu.runApart([
    'health',
    'redirect-uri',
    'test',
    'womoji://withings/Success',
    '--app',
    ready.app_id,
  ]);
  expect(missed).toMatchObject({ code: 1 });
  expect(missed.out).toContain('upper and lower case differ');
});

test('a file that others could read is closed by the next login, and logout empties it', async () => {
  await run(['login', '--url', ready.url, '--token', ready.admin_token]);
  chmodSync(mushu.config, 0o644);
  await run(['login', '--url', ready.url, '--token', ready.admin_token]);
  expect(statSync(mushu.config).mode & 0o777).toBe(0o600);
  expect((await run(['logout'])).code).toBe(0);
  expect(readFileSync(mushu.config, 'utf8')).not.toContain(ready.admin_token);
  expect(await run(['apps', 'list'])).toMatchObject({ code: 3, out: '' });
});

test('a token that is kept for one broker is not shown to another', async () => {
  await run(['login', '--url', ready.url, '--token', ready.admin_token]);
  let shown: string | undefined = 'nothing came';
  const elsewhere = await listen((request, response) => {
    shown = request.headers.authorization;
    response.end('{}');
  });
  await run(['whoami', '--url', elsewhere]);
  expect(shown).toBeUndefined();
});

test.each([
  { name: 'no such command', args: ['apps', 'frob'], env: asOperator, code: 2, says: 'frob' },
  { name: 'no app named', args: ['keys', 'list'], env: asOperator, code: 2, says: '--app' },
  { name: 'nobody signed in', args: ['whoami'], env: {}, code: 3, says: 'mushu login' },
  {
    name: 'a token that nobody made',
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
])('$name: exit code $code, and what to do on stderr', async ({ args, env, code, says }) => {
  const ended = await mushu.runApart(args, env);
  expect(ended).toMatchObject({ code, out: '' });
  expect(ended.err).toContain(says);
  expect(ended.err).not.toMatch(/\n\s+at |mushu_operator_/);
});

/** A developer's token, made as the operator makes it. */
const makeToken = async (): Promise<{ account: string; id: string; env: Record<string, string> }> => {
  const account = await run(['accounts', 'create', 'Ada', '--json'], asOperator);
  const { id: accountId } = JSON.parse(account.out) as { id: string };
  const made = await run(['tokens', 'create', 'laptop', '--days', '1', '--account', accountId, '--json'], asOperator);
  const { id, token } = JSON.parse(made.out) as { id: string; token: string };
  return { account: accountId, id, env: { MUSHU_URL: ready.url, MUSHU_TOKEN: token } };
};

test.each([
  {
    name: 'revoked',
    end: ({ account, id }: { account: string; id: string }) =>
      run(['tokens', 'revoke', id, '--account', account], asOperator),
  },
  { name: 'expired', end: async ({ id }: { id: string }) => expireToken(state, id) },
])('a token that was good until it was $name: exit code 3, and what to do', async ({ end }) => {
  const token = await makeToken();
  expect(await run(['whoami'], token.env)).toMatchObject({ code: 0, err: '' });
  await end(token);
  const refused = await run(['whoami'], token.env);
  expect(refused).toMatchObject({ code: 3, out: '' });
  expect(refused.err).toContain('code invalid_access_token, request ');
  expect(refused.err).toContain('Sign in again: mushu login');
});

test('no network: exit code 5, and why', async () => {
  const ended = await run(['whoami'], { ...asOperator, MUSHU_URL: await nowhere() });
  expect(ended).toMatchObject({ code: 5, out: '' });
  expect(ended.err).toMatch(/^mushu: No broker answers at http:\S+ \(ECONNREFUSED\)\.\n$/);
});

test.each([
  { name: 'a web page', status: 200, type: 'text/html', body: '<!doctype html><title>Hello</title>' },
  { name: 'an error page', status: 404, type: 'text/html', body: '<h1>Not here</h1>' },
  { name: 'a broker of another version', status: 200, type: 'application/json', body: '{"who":"operator"}' },
])('$name at the URL is told from a broker', async ({ status, type, body }) => {
  const url = await answering(status, type, body);
  const ended = await run(['whoami'], { ...asOperator, MUSHU_URL: url });
  expect(ended).toMatchObject({ code: 5, out: '' });
  expect(ended.err).toContain('of the same version');
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
    ['-c', `set -o pipefail; "${process.execPath}" "${MUSHU}" audit --json | head -1`],
    {
      env: { HOME: mushu.home, PATH: process.env['PATH'] ?? '', ...asOperator },
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
  const feed = await run(['health', 'changes', '--limit', '500', '--json'], env);
  const { data, next_cursor: cursor } = JSON.parse(feed.out) as { data: { user_id: string }[]; next_cursor: string };
  expect(data).toContainEqual({ user_id: 'cli-nora', reset: true });
  const goneOn = await run(['health', 'changes', '--limit', '1', '--cursor', cursor], env);
  expect(goneOn).toMatchObject({ code: 0, err: expect.stringMatching(/Continue with --cursor \S+\n$/) });
  expect(await run(['health', 'disconnect', 'cli-nora'], env)).toMatchObject({ code: 0 });
  expect((await run(['health', 'status', 'cli-nora'], env)).out).toContain('disconnected');
});

test('an app is made, set, shown and deleted, and what was not named stays', async () => {
  const { env } = await makeToken();
  const { id } = JSON.parse((await run(['apps', 'create', 'Walker', '--json'], env)).out) as { id: string };
  expect(await run(['apps', 'set', id], env)).toMatchObject({
    code: 2,
    err: expect.stringContaining('Nothing to set'),
  });
  const settings = ['--link-policy', 'session', '--loopback', 'allow', '--browser-keys', 'refuse'];
  expect(await run(['apps', 'set', id, ...settings], env)).toMatchObject({ code: 0, err: '' });
  expect(await run(['apps', 'set', id, '--shared-accounts', 'refuse', '--json'], env)).toMatchObject({ code: 0 });
  expect(JSON.parse((await run(['apps', 'show', id, '--json'], env)).out)).toMatchObject({
    name: 'Walker',
    link_policy: 'session',
    allow_loopback: true,
    refuse_browser_keys: true,
    shared_accounts: 'refuse',
    disabled: false,
  });
  expect(await run(['apps', 'delete', id], env)).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
  expect(await run(['apps', 'delete', id, '--yes'], env)).toMatchObject({ code: 0 });
  expect(await run(['apps', 'show', id], env)).toMatchObject({ code: 4 });
});

test('a user is exported and erased, and erased only where that is meant', async () => {
  const env = { ...asOperator, MUSHU_APP: ready.app_id };
  await walk(ready, { userId: 'cli-erased', person: 'ines' });
  await run(['health', 'sync', 'cli-erased'], env);
  const exported = JSON.parse((await run(['health', 'export', 'cli-erased'], env)).out) as { groups: unknown[] };
  expect(exported.groups.length).toBeGreaterThan(0);
  expect(await run(['health', 'erase', 'cli-erased'], env)).toMatchObject({ code: 2, out: '' });
  expect(await run(['health', 'erase', 'cli-erased', '--yes'], env)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Erased cli-erased: \d+ measurements/),
  });
  expect(await run(['health', 'export', 'cli-erased'], env)).toMatchObject({ code: 4, out: '' });
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

test('a developer sees the tokens of the own account and what happened to it, and nothing of others', async () => {
  const [ada, bob] = [await makeToken(), await makeToken()];
  const tokens = JSON.parse((await run(['tokens', 'list', '--json'], ada.env)).out) as { id: string }[];
  expect(tokens.map(({ id }) => id)).toEqual([ada.id]);
  const audit = await run(['audit'], ada.env);
  expect(audit.out).toContain('account.created');
  expect(audit.out).toMatch(new RegExp(`access_token.created +${ada.id}  name: laptop,`));
  expect(audit.out).not.toContain(bob.account);
});

/** Every command that takes an app, from the synopses that the help prints, about this one. */
const commandsOnApp = async (appId: string): Promise<string[][]> => {
  const groups = await Promise.all(['apps', 'keys', 'health', 'audit'].map((group) => run([group, '--help'])));
  const synopses = groups.flatMap(({ out }) => [...out.matchAll(/^(?:Usage:| {6}) mushu (.*\bAPP\b.*)$/gm)]);
  const values: Record<string, string> = { APP: appId, URI: WOMOJI, USER: 'ada', NAME: 'x', ID: 'key_x' };
  return synopses.map(([, synopsis = '']) => {
    const needed = synopsis
      .replace('[--app APP]', '--app APP')
      .replace('[--yes]', '--yes')
      .replace('[--name NAME]', '--name NAME')
      .replace(/ \[.*?\]/g, '');
    return needed.split(' ').map((word) => values[word] ?? word);
  });
};

test('no command takes a developer to an app or a token of somebody else', async () => {
  const [ada, bob] = await Promise.all([makeToken(), makeToken()]);
  const commands = await commandsOnApp(ready.app_id);
  expect(commands.length).toBeGreaterThan(15);
  const refused = async (args: string[], code: number, because: string) => {
    const ended = await run(args, ada.env);
    expect(ended, args.join(' ')).toMatchObject({ code, out: '', err: expect.stringContaining(`code ${because}`) });
  };
  await Promise.all([
    ...commands.map((args) => refused(args, 4, 'app_not_found')),
    refused(['tokens', 'revoke', bob.id], 4, 'not_found'),
    ...[['list'], ['create', 'Eve'], ['disable', bob.account]].map((args) =>
      refused(['accounts', ...args], 3, 'operator_only'),
    ),
  ]);
  const audit = await run(['audit', '--app', ready.app_id, '--json'], asOperator);
  expect(audit).toMatchObject({ code: 0, out: expect.not.stringContaining(ada.account) });
  expect(await run(['whoami'], bob.env)).toMatchObject({ code: 0 });
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

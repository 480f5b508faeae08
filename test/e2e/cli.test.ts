import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';

import { beforeEach, expect, test } from 'vitest';

import { asOperator, makeToken } from './as-operator.ts';
import { walk, WOMOJI } from './client.ts';
import { expireToken } from './database.ts';
import { listen, MUSHU, type Mushu, newMushu, nowhere } from './mushu.ts';
import { ready, state } from './shared.ts';

/** `mushu` signs in, reads and changes data, and says what went wrong, against `npm run dev`. */

let mushu: Mushu;
let run: Mushu['run'];

beforeEach(() => {
  mushu = newMushu();
  run = mushu.run;
});

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

test('login takes a token from a pipe, and none from an empty one', async () => {
  const args = ['login', '--url', ready.url, '--token', '-'];
  expect(await mushu.runApart(args, {}, `${ready.admin_token}\n`)).toMatchObject({ code: 0, err: '' });
  expect((await run(['whoami'])).out).toContain('operator');
  const empty = await mushu.runApart(args, {}, '\n');
  expect([empty.code, empty.err.includes('No token came through the pipe')]).toEqual([2, true]);
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

test.each([
  {
    name: 'revoked',
    end: ({ account, id }: { account: string; id: string }) =>
      run(['tokens', 'revoke', id, '--account', account], asOperator),
  },
  { name: 'expired', end: async ({ id }: { id: string }) => expireToken(state, id) },
])('a token that was good until it was $name: exit code 3, and what to do', async ({ end }) => {
  const token = await makeToken(run);
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
  expect(await run(['health', 'disconnect', 'cli-nora', '--withdraw'], env)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/The authorization at Withings (is revoked|stays)/),
  });
  expect((await run(['health', 'status', 'cli-nora'], env)).out).toContain('disconnected');
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

/** A broker that gives these answers, one after the other. */
const answeringEach = (...answers: object[]): Promise<string> =>
  listen((_request, response) =>
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answers.shift())),
  );

test('an erasure in several calls adds up all that each has done', async () => {
  const withings = { revoked: 1, kept: 0, failed: 0 };
  const removed = { connections: 0, pending_connections: 0, measurements: 10_000, groups: 500, sources: 3 };
  const url = await answeringEach(
    { complete: false, removed: { ...removed, pending_connections: 1 }, withings },
    { complete: true, removed: { ...removed, connections: 2 }, withings: { ...withings, revoked: 0 } },
  );
  const { out } = await run(['health', 'erase', 'ada', '--app', 'a', '--yes', '--json', '--url', url, '--token', 't']);
  expect(JSON.parse(out)).toEqual({
    complete: true,
    removed: { connections: 2, pending_connections: 1, measurements: 20_000, groups: 1_000, sources: 6 },
    withings,
  });
});

test('a sync in several calls adds up all that each has done', async () => {
  const counts = { added: 4, changed: 3, removed: 2, skipped: 1 };
  const synced = { ...counts, history_complete_from: null, synced_at: '2026-06-15T12:00:00.000Z' };
  const url = await answeringEach({ ...synced, complete: false }, { ...synced, complete: true });
  const { out } = await run(['health', 'sync', 'ada', '--app', 'a', '--json', '--url', url, '--token', 't']);
  expect(JSON.parse(out)).toMatchObject({ complete: true, added: 8, changed: 6, removed: 4, skipped: 2 });
});

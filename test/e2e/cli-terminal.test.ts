import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { beforeEach, expect, test } from 'vitest';
import type { IPty } from 'zigpty';

import { NET_MS } from '../support/net.ts';
import { WOMOJI } from './client.ts';
import { listen, type Mushu, newMushu } from './mushu.ts';
import { ready } from './shared.ts';

/** `mushu` where a person sits: on a terminal, which is one, and beside a browser, which is none. */

const asOperator = { MUSHU_URL: ready.url, MUSHU_TOKEN: ready.admin_token };
const ESCAPE = '\u001B';
let mushu: Mushu;

beforeEach(() => {
  mushu = newMushu();
});

/** All that a terminal shows until its program ends, and how that ends: by a code, or by a signal's number. */
const watch = (terminal: IPty) => {
  let screen = '';
  terminal.onData((data) => (screen += data.toString()));
  const { promise, resolve } = Promise.withResolvers<{ exitCode: number; signal: number }>();
  terminal.onExit(resolve);
  return async () => {
    const { exitCode: code, signal } = await promise;
    return { code, signal, screen };
  };
};

test('login asks for what it is not given, and shows nothing of the token that is typed', async () => {
  const terminal = mushu.onTerminal(['login']);
  const end = watch(terminal);
  await terminal.waitFor('Broker URL: ', { timeout: NET_MS });
  terminal.write(`${ready.url}\r`);
  await terminal.waitFor('Access token: ', { timeout: NET_MS });
  terminal.write(`${ready.admin_token}\r`);
  const { code, screen } = await end();
  expect(screen).toContain(`Signed in to ${ready.url} as the operator`);
  expect(code).toBe(0);
  expect(screen).toContain(ready.url);
  const secret = ready.admin_token.replace('mushu_operator_', '');
  for (let from = 0; from + 6 <= secret.length; from += 1) expect(screen).not.toContain(secret.slice(from, from + 6));
  expect(readFileSync(mushu.config, 'utf8')).toContain(ready.admin_token);
});

test.each([
  { name: 'Ctrl-C', key: '\u0003', ends: { signal: 2 } },
  { name: 'Ctrl-D', key: '\u0004', ends: { code: 2, signal: 0 } },
])('$name at the question for the token ends it, and nothing is kept', async ({ key, ends }) => {
  const terminal = mushu.onTerminal(['login', '--url', ready.url]);
  const end = watch(terminal);
  await terminal.waitFor('Access token: ', { timeout: NET_MS });
  terminal.write(key);
  const ended = await end();
  expect(ended).toMatchObject(ends);
  expect(ended.screen).not.toMatch(/Signed in|\n\s+at |unsettled/);
  expect(existsSync(mushu.config)).toBe(false);
});

test('headings are set off on a terminal, and are plain there too where NO_COLOR asks for it', async () => {
  const listed = async (env: Record<string, string>) => {
    const args = ['health', 'redirect-uri', 'list', '--app', ready.app_id];
    return watch(mushu.onTerminal(args, { ...asOperator, ...env }))();
  };
  const colored = await listed({});
  expect(colored.code).toBe(0);
  expect(colored.screen).toContain(`${ESCAPE}[1mURI`);
  const plain = await listed({ NO_COLOR: '1' });
  expect(plain.screen).toContain('URI');
  expect(plain.screen).not.toContain(ESCAPE);
});

test.each([
  { status: 204, code: 0 },
  { status: 500, code: 1 },
])('a sample event that is answered with $status ends with $code on a terminal too', async ({ status, code }) => {
  const url = await listen((_request, response) => response.writeHead(status).end());
  const ended = await watch(mushu.onTerminal(['webhooks', 'trigger', 'user.erased', '--forward-to', url]))();
  expect(ended).toMatchObject({ code, screen: expect.stringContaining(`m${status}${ESCAPE}`) });
});

test('a long sync tells how far it is on a terminal, clears that at its end, and says nothing of it elsewhere', async () => {
  const synced = {
    added: 400,
    changed: 0,
    removed: 0,
    skipped: 0,
    history_complete_from: null,
    synced_at: '2026-06-15T12:00:00.000Z',
  };
  let asked = 0;
  const url = await listen((_request, response) => {
    asked += 1;
    const complete = asked % 3 === 0;
    response.writeHead(complete ? 200 : 202, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ ...synced, complete }));
  });
  const args = ['health', 'sync', 'ada', '--app', 'app_x', '--url', url, '--token', 't'];
  const { code, screen } = await watch(mushu.onTerminal(args))();
  expect(code).toBe(0);
  expect(screen).toContain('400 measurements so far…');
  expect(screen).toContain('800 measurements so far…');
  expect(screen.endsWith(`\r${ESCAPE}[K1200 added, 0 changed, 0 removed.\r\n`)).toBe(true);
  expect(await mushu.runApart(args)).toEqual({ code: 0, out: '1200 added, 0 changed, 0 removed.\n', err: '' });
});

const link = ['health', 'link', 'cli-opener', '--redirect-uri', WOMOJI, '--app', ready.app_id, '--open'];

/** A program that says what it was started with, and a promise of that. */
const fakeOpener = (name: string): { path: string; opened: Promise<string> } => {
  const path = join(mushu.home, name);
  const pipe = `${path}.opened`;
  execFileSync('mkfifo', [pipe]);
  writeFileSync(path, `#!/bin/sh\nprintf '%s|' "$#" "$@" > '${pipe}'\n`);
  chmodSync(path, 0o755);
  return { path, opened: readFile(pipe, 'utf8') };
};

test.each([
  { name: 'what BROWSER names', program: 'my-browser', env: (path: string) => ({ BROWSER: path }) },
  {
    name: 'what the platform has for it',
    program: process.platform === 'darwin' ? 'open' : 'xdg-open',
    env: () => ({ PATH: [mushu.home, process.env['PATH']].join(delimiter) }),
  },
])('--open opens the link, and nothing else, by $name', async ({ program, env }) => {
  const { path, opened } = fakeOpener(program);
  const { code, out, err } = await mushu.runApart(link, { ...asOperator, ...env(path) });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(await opened).toBe(`1|${out.trim()}|`);
  expect(out).toMatch(/^http:.*\/withings\/auth\?session=/);
});

test('--open says so where there is no browser, and prints the link all the same', async () => {
  const { code, out, err } = await mushu.runApart(link, { ...asOperator, BROWSER: join(mushu.home, 'nothing') });
  expect(code).toBe(0);
  expect(out).toMatch(/withings\/auth\?session=/);
  expect(err).toContain('could not open a browser');
});

test.each(['javascript:alert(1)', 'file:///etc/passwd', '--version'])(
  'a broker that makes a link of %s has nothing opened',
  async (authUrl) => {
    const session = { auth_url: authUrl, expires_at: '2026-06-15T12:00:00.000Z' };
    const url = await listen((_request, response) =>
      response.writeHead(201, { 'Content-Type': 'application/json' }).end(JSON.stringify(session)),
    );
    const { code, err } = await mushu.runApart(link, { MUSHU_URL: url, BROWSER: join(mushu.home, 'would-complain') });
    expect({ code, err }).toEqual({ code: 0, err: '' });
  },
);

import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { isWellFormedCredential } from '../../src/crypto/credential.ts';
import { parseKeyring } from '../../src/crypto/keyring.ts';
import { SMALL } from '../commands/small.ts';
import { recordShown } from '../support/canaries.ts';
import { commands, named, read, shellLines, WRANGLER } from '../support/documented-commands.ts';
import { asApp, locationOf, send } from './client.ts';
import { newMushu } from './mushu.ts';
import { ready } from './shared.ts';

/**
 * Every command that the documentation names: run here against the one broker of these tests, run in small by test/commands, run by another
 * test, or, if it would reach Cloudflare's account, held to what wrangler takes (test/docs/wrangler-commands.test.ts). One that is none of
 * these fails.
 */

const run = promisify(execFile);

/** The test that runs a command, and the words by which it does. */
const RUN_ELSEWHERE: { [command: string]: [file: string, words: string] } = {
  'npm ci': ['.ci/run', 'npm ci'],
  'npm ci --omit=dev': ['test/dependencies.test.ts', 'Object.keys(manifest.dependencies)'],
  'npm pack ./dist': ['test/e2e/package.test.ts', "['pack', '--json'"],
  ...Object.fromEntries(
    [
      'npm install -g https://BROKER/mushu.tgz',
      'npm install -g https://broker.example.com/mushu.tgz',
      'npm install https://BROKER/mushu.tgz',
    ].map((command) => [command, ['test/e2e/package.test.ts', "npm('install', '--global', url)"]]),
  ),
  'npx mushu-health': ['test/e2e/package.test.ts', "'mushu-health'"],
  'npm test': ['.ci/run', 'npm test'],
  'npm run check': ['test/check.test.ts', "'run', '--silent', 'check'"],
  'npm run test:unit': ['package.json', '"test:unit": "vitest run'],
  'npm run test:watch': ['package.json', '"test:watch": "vitest --config'],
  ...Object.fromEntries(
    ['', " -- -t 'go on where they ended'"].map((more) => [
      `npm test test/http/accounts.test.ts${more}`,
      ['package.json', '"test": "vitest run'],
    ]),
  ),
  'npm run attack': ['package.json', '"attack": "MUSHU_ATTACK=timed vitest run'],
  // It needs the registry.
  'npm run generators': ['package.json', '"generators": "node'],
  'npm run names': ['test/reference/public-names.test.ts', 'publicNames(root)'],
  'npm run format': ['scripts/check.ts', 'oxfmt --check'],
  'npm run dev': ['test/e2e/setup.ts', "['npm', 'run', '--silent', 'dev', '--']"],
  'npm run dev -- --help': ['scripts/public-names.ts', '--help'],
  ...Object.fromEntries(
    ['10.0.2.2', '192.168.1.20'].map((address) => [
      `npm run dev -- --host ${address}`,
      ['test/e2e/dev-options.test.ts', "start(context, '--host'"],
    ]),
  ),
  'npm run dev -- --public-url https://example.trycloudflare.com': [
    'test/e2e/dev-options.test.ts',
    "'--public-url', tunnel",
  ],
  'WITHINGS_CLIENT_ID=… WITHINGS_CLIENT_SECRET=… npm run dev -- --withings': [
    'test/e2e/dev-options.test.ts',
    "'--withings', ...client",
  ],
  'npm run demo': ['test/e2e/demo.test.ts', "'demo'"],
  'npm run build': ['test/e2e/setup.ts', "'build'"],
  'npm run deploy': ['test/deploy/deploy.test.ts', "'../../scripts/deploy.ts'"],
  'npm run deploy -- --dry-run': ['test/deploy/deploy.test.ts', "'--dry-run'"],
  'npm run deploy -- --location': ['test/deploy/deploy.test.ts', 'mushu-health --location weur'],
  'npm run deploy -- --import .state': ['test/deploy/deploy.test.ts', "'--import'"],
  "KEYRING='…' npm run deploy -- --import .wrangler/state --with-people": [
    'test/deploy/deploy.test.ts',
    "'--with-people'",
  ],
  ...Object.fromEntries(
    ['', "KEYRING='…' "].map((environment) => [
      `${environment}npm run deploy -- --edge`,
      ['test/deploy/edge.test.ts', "describe('--edge'"],
    ]),
  ),
  'npm run deploy -- --no-edge': ['test/deploy/deploy.test.ts', "'no-edge': true"],
  "KEYRING='…' npm run deploy -- --replace-keyring": ['test/deploy/edge.test.ts', "'replace-keyring': true"],
  ...Object.fromEntries(
    ['', ' -- --to', ' -- --to TIME', ' -- --to 2026-06-15T12:00:00Z', ' -- --to 2026-06-15T12:00:00Z --dry-run'].map(
      (flags) => [`npm run restore${flags}`, ['test/restore/restore.test.ts', 'account.run({ to: undo })']],
    ),
  ),
  ...Object.fromEntries(
    ['cpu', 'live', 'memory'].map((part) => [`npm run bench -- ${part}`, ['test/commands/small.ts', `'${part}'`]]),
  ),
  'npm run migration <name>': ['test/migrations.test.ts', "'generate', '--dialect', 'sqlite', '--schema'"],
  'npm run migration NAME': ['test/migrations.test.ts', "'generate', '--dialect', 'sqlite', '--schema'"],
  'MUSHU_URL=http://127.0.0.1:8787 MUSHU_APP_ID=app_… MUSHU_API_KEY=mushu_key_… npx node examples/web/server.ts': [
    'test/browser/web-example.test.ts',
    "'examples/web/server.ts'",
  ],
  ...Object.fromEntries(
    [
      'npm install --global http://127.0.0.1:8787/mushu.tgz',
      'mushu login --url http://127.0.0.1:8787',
      'mushu health redirect-uri add womoji://withings/success --app app_…',
      'mushu health redirect-uri list --app app_…',
      'mushu doctor',
    ].map((command) => [command, ['test/e2e/cli-readme.test.ts', "split('## From the command line')"]]),
  ),
};

/** What no test runs, and why. */
const BY_HAND: { [command: string]: string } = {
  'cloudflared tunnel --url http://127.0.0.1:8787': 'of another program, which opens this machine to the internet',
  "git grep '\\.reveal()'": 'a look at the sources',
  'npm run first-weight': 'a duration, which no test asserts',
  'npm run first-event': 'a duration too; test/readme.test.ts reads its steps',
  'npm publish ./dist': 'a release, which is a person’s decision',
  ...Object.fromEntries(
    ['bundle', 'auth callback status metrics sync', 'growth', 'ticks'].map((parts) => [
      `npm run bench -- ${parts}`,
      'minutes of measuring; test/commands runs other parts in small, and test/bench compares the tables',
    ]),
  ),
  'git pull --rebase': 'of the clone, not of this project',
};

const MUSHU = /^mushu /;
const RUN_HERE = /^(curl|open|printf|t=mushu_operator_)/;

test('no command of the documentation goes without a test that runs it, or a word on why none does', () => {
  expect(commands.length).toBeGreaterThan(30);
  const known = new Set([
    ...Object.keys(RUN_ELSEWHERE),
    ...SMALL.map(({ command }) => command),
    ...Object.keys(BY_HAND),
  ]);
  expect(
    commands.filter((one) => !known.has(one) && ![WRANGLER, MUSHU, RUN_HERE].some((kind) => kind.test(one))),
  ).toEqual([]);
  expect([...known].filter((one) => !commands.includes(one))).toEqual([]);
});

test.each(Object.entries(RUN_ELSEWHERE))('%s is run by %s', (_, [file, words]) => {
  expect(read(file).includes(words), words).toBe(true);
});

test.each(named(MUSHU))('%s is a command with the options that it is given', async (command) => {
  const [words = ''] = command.replace(MUSHU, '').split(' --');
  const { code, out } = await newMushu().run([...words.split(' '), '--help']);
  expect(code).toBe(0);
  for (const option of command.match(/--[a-z-]+/g) ?? []) expect(out).toContain(option);
});

const lacks = (tool: string): boolean => spawnSync(tool, ['--version']).error !== undefined;
describe.skipIf(lacks('curl'))('the README’s requests', () => {
  const page = new URL(ready.auth_url).searchParams.get('redirect_uri') ?? '';
  const environment = {
    URL: ready.url,
    APP: ready.app_id,
    KEY: ready.api_key,
    PAGE: page,
    OPERATOR: ready.admin_token,
  };
  const inShell = async (line: string): Promise<string> => {
    const { stdout } = await run('bash', ['-c', line], { env: { ...process.env, ...environment } });
    recordShown({ where: `answer to ${line}`, text: stdout });
    return stdout;
  };

  test('do as printed what is said of them, in their order', async () => {
    const lines = shellLines('README.md').filter((line) => /^(curl|open) /.test(line));
    const said: string[] = [];
    for (const line of lines) {
      if (line.startsWith('open ')) {
        await consentTo(await inShell(line.replace('open', 'printf %s')));
        continue;
      }
      const answer = await inShell(`curl() { command curl -sS -w '\n%{http_code}' "$@"; }; ${line}`);
      const [, body = '', status = ''] = /^([\s\S]*)\n(\d{3})$/.exec(answer) ?? [];
      expect(status, `${line}\n${body}`).toMatch(/^20[012]$/);
      said.push(Object.keys(JSON.parse(body) as object).join());
    }
    const [status, synced, page, latest, forgotten, app, key, uri] = said;
    expect([status, forgotten]).toEqual(['connected', 'connected']);
    expect(synced).toContain('complete');
    expect([page, latest]).toEqual([expect.stringContaining('next_cursor'), expect.stringContaining('data')]);
    expect([app, key, uri]).toEqual([expect.stringContaining('id,'), expect.stringMatching(/key$/), 'uri,warnings']);
  });

  /** What the person does whose browser a link opens. */
  const consentTo = async (link: string): Promise<void> => {
    const started = await send(link);
    const form = new URLSearchParams({ person: 'nora', decision: 'allow' });
    const consented = await send(await locationOf(started), { method: 'POST', body: form });
    const ended = await locationOf(await send(await locationOf(consented)));
    expect(ended).toBe(`${page}?state=ada`);
    const shown = await (await fetch(ended)).text();
    expect(shown).toMatch(/<code>ada<\/code>[\s\S]*weight<\/th><td>\d/);
    expect(await (await asApp(ready, 'GET', '/withings/status/ada')).json()).toEqual({ connected: true });
  };
});

describe.skipIf(lacks('openssl'))('the secrets that are made by hand', () => {
  test('are secrets that the broker takes', async () => {
    const [keyring = '', token = ''] = await Promise.all(
      named(/^(printf|t=mushu_operator_)/).map(async (line) => (await run('bash', ['-c', line])).stdout),
    );
    expect(parseKeyring(keyring)).toMatchObject({ ok: true });
    expect(await isWellFormedCredential('operator', token)).toBe(true);
  });
});

import { beforeEach, expect, test } from 'vitest';

import { asOperator, makeToken } from './as-operator.ts';
import { WOMOJI } from './client.ts';
import { type Mushu, newMushu } from './mushu.ts';
import { ready } from './shared.ts';

/** What `mushu` shows to a developer, and to whom it does not. */

let mushu: Mushu;
let run: Mushu['run'];

beforeEach(() => {
  mushu = newMushu();
  run = mushu.run;
});

test('an app is made, set, shown and deleted, and what was not named stays', async () => {
  const { env } = await makeToken(run);
  const { id } = JSON.parse((await run(['apps', 'create', 'Walker', '--json'], env)).out) as { id: string };
  expect(await run(['apps', 'set', id], env)).toMatchObject({
    code: 2,
    err: expect.stringContaining('Nothing to set'),
  });
  const settings = [
    '--link-policy',
    'session',
    '--loopback',
    'allow',
    '--browser-keys',
    'refuse',
    '--demo-account',
    'on',
  ];
  expect(await run(['apps', 'set', id, ...settings], env)).toMatchObject({ code: 0, err: '' });
  expect(await run(['apps', 'set', id, '--shared-accounts', 'refuse', '--json'], env)).toMatchObject({ code: 0 });
  expect(JSON.parse((await run(['apps', 'show', id, '--json'], env)).out)).toMatchObject({
    name: 'Walker',
    link_policy: 'session',
    allow_loopback: true,
    refuse_browser_keys: true,
    shared_accounts: 'refuse',
    demo_account: true,
    disabled: false,
  });
  expect(await run(['apps', 'delete', id], env)).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
  expect(await run(['apps', 'delete', id, '--yes'], env)).toMatchObject({ code: 0 });
  expect(await run(['apps', 'show', id], env)).toMatchObject({ code: 4 });
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
  const [ada, bob] = [await makeToken(run), await makeToken(run)];
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
  const [ada, bob] = await Promise.all([makeToken(run), makeToken(run)]);
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

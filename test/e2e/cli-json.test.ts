import type { Usage } from '@optique/core/usage';
import { expect, test } from 'vitest';

import { parser } from '../../src/cli/parser.ts';
import { asOperator } from './as-operator.ts';
import { walk, WOMOJI } from './client.ts';
import { newMushu, nowhere } from './mushu.ts';
import { ready } from './shared.ts';

/** `--json` of every command that takes it: what it prints is JSON, and nothing else. */

/** In an order in which each finds what it needs. A word like APP is the id of what was made last. */
const OF_AN_APP = [
  'whoami',
  'doctor',
  'accounts create Ada',
  'accounts list',
  'accounts disable ACCOUNT',
  'accounts enable ACCOUNT',
  'tokens create laptop --account ACCOUNT',
  'tokens list --account ACCOUNT',
  'tokens revoke TOKEN --account ACCOUNT',
  'apps create JSON',
  'apps list',
  'apps show APP',
  'apps set APP --name Renamed',
  'apps disable APP',
  'apps enable APP',
  'audit --app APP',
  'keys create backend --app APP',
  'keys list --app APP',
  'webhooks add https://hooks.example.com/json --app APP',
  'webhooks list --app APP',
  'webhooks rotate-secret WEBHOOK --app APP',
  'webhooks test WEBHOOK --app APP',
  'webhooks attempts WEBHOOK --app APP',
  'webhooks resend WEBHOOK --from 1 --app APP',
  'webhooks disable WEBHOOK --app APP',
  'webhooks enable WEBHOOK --app APP',
  'webhooks remove WEBHOOK --app APP',
  'webhooks trigger user.erased --forward-to NOWHERE',
  `health redirect-uri add ${WOMOJI} --app APP`,
  'health redirect-uri list --app APP',
  `health redirect-uri test ${WOMOJI} --app APP`,
];
const OF_A_USER = [
  'health users --app APP',
  'health status ada --app APP',
  'health sync ada --app APP',
  'health metrics ada --app APP',
  'health changes --app APP',
  `health link ada --redirect-uri ${WOMOJI} --app APP`,
  'health export ada --app APP',
  'health disconnect ada --app APP',
  'health erase ada --yes --app APP',
  `health redirect-uri remove ${WOMOJI} --app APP`,
  'keys revoke KEY --app APP',
  'apps delete APP --yes',
];
const LINES = [...OF_AN_APP, ...OF_A_USER];
/** A line of JSON for each event: test/e2e/cli-listen.test.ts. */
const STREAMS = ['webhooks listen'];

const commandsWithJson = (usage: Usage, names: readonly string[] = []): string[] => {
  const [first, ...rest] = usage;
  if (first?.type === 'exclusive') return first.terms.flatMap((one) => commandsWithJson([...one, ...rest], names));
  if (first?.type === 'command') return commandsWithJson(rest, [...names, first.name]);
  return JSON.stringify(usage).includes('"--json"') ? [names.join(' ')] : [];
};

test('no command that takes --json goes without a line here', () => {
  const commands = commandsWithJson(parser.usage);
  expect(commands.length).toBeGreaterThan(40);
  const without = commands.filter((name) => !LINES.some((line) => `${line} `.startsWith(`${name} `)));
  expect(without).toEqual(STREAMS);
});

test('every command prints JSON with --json, and those that delete print what is gone', async () => {
  const { run } = newMushu();
  const ids: Record<string, string> = { NOWHERE: await nowhere() };
  const runLine = async (line: string) => {
    const args = line.split(' ').map((word) => ids[word] ?? word);
    const { out, err } = await run([...args, '--json'], asOperator);
    expect(() => JSON.parse(out) as unknown, `${line}\n${out}${err}`).not.toThrow();
    const value = JSON.parse(out) as { id?: string };
    const [, noun = ''] = /^(\w+)s (?:create|add) /.exec(line) ?? [];
    if (value.id !== undefined) ids[noun.toUpperCase()] = value.id;
    const [, named = ''] = /^[a-z -]+ (?:revoke|remove|delete) (\S+)/.exec(line) ?? [];
    if (named !== '') expect(value).toEqual({ deleted: ids[named] ?? named });
  };
  for (const line of OF_AN_APP) await runLine(line);
  await walk({ ...ready, app_id: ids['APP'] ?? '' }, { userId: 'ada' });
  for (const line of OF_A_USER) await runLine(line);
});

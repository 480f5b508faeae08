import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { createAlarmWebhook } from '../../src/broker/operator/alarm-webhook.ts';
import { ALARMS } from '../../src/domain/alarm.ts';
import { LINK_ERRORS } from '../../src/domain/link.ts';
import { dataPointOf } from '../../src/domain/log.ts';
import { secret } from '../../src/domain/secret.ts';
import { PROBLEM_STATUS } from '../../src/http/api/problem-codes.ts';
import { codeBlocks, codeHeadings, localLinks } from '../support/markdown.ts';

/** What the documentation says, held to the code. */

const run = promisify(execFile);
const root = new URL('../..', import.meta.url).pathname;
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/*/README.md', 'migrations/*.md', 'src/client/*.md'], {
  cwd: root,
});

describe('troubleshooting', () => {
  const page = read('docs/troubleshooting.md');
  const [byCode = '', byEnding = ''] = page.split('## How a link can end');

  test('has every error code with its status, and none that does not exist', () => {
    expect(codeHeadings(byCode, 3).sort()).toEqual(Object.keys(PROBLEM_STATUS).sort());
    for (const [code, status] of Object.entries(PROBLEM_STATUS)) {
      expect(byCode).toContain(`### \`${code}\`\n\n${status}. `);
    }
  });

  test('has every way a link can end, and none that does not exist', () => {
    expect(codeHeadings(byEnding, 3).sort()).toEqual(Object.keys(LINK_ERRORS).sort());
  });
});

test('settings has every setting, with its default if that is a plain number', () => {
  const declared = [...read('src/config.ts').matchAll(/^ {2}([A-Z_]{4,}): (?:z|positive|share).*$/gm)];
  const rows = new Map(
    [...read('docs/settings.md').matchAll(/^\| `(\w+)` +\| (.+?) +\|/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  expect([...rows.keys()].sort()).toEqual(declared.map(([, name = '']) => name).sort());
  for (const [line, name = ''] of declared) {
    const value = /(?:default|share)\((\d+)\)/.exec(line)?.[1];
    if (value !== undefined) expect(rows.get(name), name).toBe(value);
  }
});

test('operating has every alarm with what to do, and none that does not exist', () => {
  const [, section = ''] = read('docs/operating.md').split('## Alerts');
  const [table = ''] = section.split('The webhook gets');
  const rows = [...table.matchAll(/^\| `(\w+)` +\| (.+?) +\| (.+?) +\|$/gm)];
  expect(rows.map(([, code = '']) => code).sort()).toEqual(Object.keys(ALARMS).sort());
  for (const [, code, , todo] of rows) expect(todo, code).toMatch(/\w{3}/);
});

test('the data model names every table, and none that does not exist', () => {
  const migrations = globSync('migrations/*.sql', { cwd: root }).map(read).join('\n');
  const tables = [...migrations.matchAll(/^CREATE TABLE `(\w+)`/gm)].map(([, name = '']) => name);
  const page = read('docs/data-model.md');
  for (const table of tables) expect(page, table).toMatch(new RegExp(`\\b${table}\\b`));
  const drawn = [...page.matchAll(/^ {2}(\w+) \S+ (\w+) :/gm)].flatMap(([, from = '', to = '']) => [from, to]);
  expect(drawn.length).toBeGreaterThan(10);
  expect(drawn.filter((name) => !tables.includes(name))).toEqual([]);
});

test('the data model names functions that exist', () => {
  const named = [...read('docs/data-model.md').matchAll(/`([a-z]+[A-Z]\w*)`/g)].map(([, name = '']) => name);
  expect(named).toContain('storePage');
  const code = globSync('src/**/*.ts', { cwd: root }).map(read).join('\n');
  expect(named.filter((name) => !code.includes(`export const ${name} = `))).toEqual([]);
});

test('operating shows a webhook as it is sent, columns as they are written, and a binding as it is named', async () => {
  const page = read('docs/operating.md');
  const shown = codeBlocks(page, 'json').find((block) => block.includes('"type": "alarm')) ?? '';
  const { data } = JSON.parse(shown) as { data: { reason: string; since: string } };
  const at = Date.parse(data.since);
  let sent = '';
  const send = createAlarmWebhook(
    { url: secret('https://alerts.example.com'), signingSecret: undefined },
    async (_, init) => {
      sent = typeof init?.body === 'string' ? init.body : '';
      return new Response();
    },
    () => at,
  );
  await send({ id: 'msg_1', code: 'sealing_key_missing', kind: 'raised', at, since: at, reason: data.reason });
  expect(JSON.parse(shown)).toEqual(JSON.parse(sent));

  const { blobs } = dataPointOf({
    level: 'info',
    event: 'request',
    outcome: 'outcome',
    reason: 'reason',
    route: 'route',
  });
  const columns = codeBlocks(page, 'sql').flatMap((sql) => [...sql.matchAll(/blob(\d) AS (\w+)/g)]);
  expect(columns.length).toBeGreaterThan(2);
  for (const [, number, name] of columns) expect(blobs[Number(number) - 1]).toBe(name);
  const [binding = ''] = codeBlocks(page, 'toml');
  expect(read('wrangler.toml')).toContain(binding.trim().replace(/^/gm, '# '));
});

test.each(pages)('%s links to what is there', (page) => {
  const missing = localLinks(read(page)).filter((target) => !existsSync(join(root, dirname(page), target)));
  expect(missing).toEqual([]);
});

test.each(pages)('%s names commands that exist, written as a shell reads them', async (page) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...read(page).matchAll(/npm run ([a-z:-]*[a-z])/g)].map(([, name = '']) => name);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  for (const language of ['sh', 'bash', 'console']) {
    for (const block of codeBlocks(read(page), language)) {
      await expect(run('bash', ['-n', '-c', block.replace(/^\$ /gm, '')])).resolves.toBeDefined();
    }
  }
});

test('every TypeScript snippet of the documentation compiles as it stands', async () => {
  await mkdir(join(root, 'dist'), { recursive: true });
  const folder = await mkdtemp(join(root, 'dist', 'snippets-'));
  try {
    const snippets = pages.flatMap((page) => codeBlocks(read(page), 'ts'));
    expect(snippets.length).toBeGreaterThan(1);
    for (const [index, snippet] of snippets.entries()) await writeFile(join(folder, `${index}.ts`), snippet);
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'] }),
    );
    await expect(run('node_modules/.bin/tsc', ['-p', folder], { cwd: root })).resolves.toBeDefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});

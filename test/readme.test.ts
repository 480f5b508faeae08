import { readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import { instructions } from '../scripts/dev/instructions.ts';
import { eventSteps } from '../scripts/first-event/steps.ts';
import { codeBlocks } from './support/markdown.ts';

const read = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url).pathname, 'utf8');
const readme = await read('README.md');

describe('the README', () => {
  test('has at most 130 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(130);
  });

  test('names no npm script that does not exist', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm (?:run )?(dev|demo|deploy|test|check|format|migration|[a-z]+)\b/g)];
    for (const [, name = ''] of named) {
      if (!['ci', 'install', 'run', 'and', 'script'].includes(name)) expect(Object.keys(scripts)).toContain(name);
    }
    expect(named.length).toBeGreaterThan(5);
  });
});

test('npm run dev prints the line with which the README begins, for every variable that its commands name', () => {
  const [block = '', ...others] = codeBlocks(readme.split('## The flow, by curl')[1]?.split('\n## ')[0] ?? '', 'sh');
  const printed = instructions({
    url: 'http://127.0.0.1:8787',
    withings: {
      kind: 'simulated',
      apiUrl: '',
      loginUrl: 'http://127.0.0.1:8788',
      clientId: '',
      clientSecret: '',
    },
    callbackUrl: '',
    demoPageUrl: 'http://127.0.0.1:8789/withings/done',
    app: { id: 'app_…', key: 'mushu_key_…' },
    operatorToken: 'mushu_operator_…',
    authUrl: '',
    stateDir: '.state',
    notes: [],
  });
  const [line = ''] = block.split('\n');
  expect(printed.split('\n').map((one) => one.trim())).toContain(line);
  const named = [block, ...others].join().matchAll(/\$([A-Z]+)/g);
  expect(new Set([...named].map(([, name]) => name))).toEqual(
    new Set([...line.matchAll(/([A-Z]+)=/g)].map(([, name]) => name)),
  );
});

test('the README of examples/web has each step to a verified event, with names that the dashboard shows', async () => {
  const readme = await read('examples/web/README.md');
  const { app, tab, add, send, received, ...steps } = eventSteps(readme);
  const shown = await Promise.all(
    [
      'scripts/dev/demo-app.ts',
      ...['components/app-frame', 'pages/webhooks', 'components/webhook-actions'].map(
        (name) => `src/http/dashboard/${name}.tsx`,
      ),
    ].map(read),
  );
  for (const [index, name] of [app, tab, add, send].entries()) expect(shown[index]).toContain(name);
  expect(codeBlocks(readme.replaceAll(/^ {3}/gm, ''), 'sh').join()).toContain(steps.receiver.replaceAll(/^ {3}/gm, ''));
  expect(received).toBe('webhook.test of test');
  expect(() => eventSteps(readme.replace(`"${send}"`, 'the button'))).toThrow('Step 4 of "Receive events"');
});

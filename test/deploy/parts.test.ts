import { PassThrough } from 'node:stream';

import { parse } from '@optique/core/parser';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';

import { deploymentConfig, readProject } from '../../scripts/deploy/config-file.ts';
import { dryRun } from '../../scripts/deploy/dry-run.ts';
import { flags } from '../../scripts/deploy/flags.ts';
import { checkHealth } from '../../scripts/deploy/health.ts';
import { locationOfDatabase, regionBeside } from '../../scripts/deploy/location.ts';
import { readDeployOptions } from '../../scripts/deploy/options.ts';
import { findAccount } from '../../scripts/deploy/resources.ts';
import { withRemedy } from '../../scripts/deploy/with-remedy.ts';
import { userError } from '../../scripts/user-error.ts';
import { askOn } from '../../src/cli/ask.ts';

const RESOURCES = { accountId: 'acc-1', databaseId: 'db-1', namespaceId: 'kv-1' };

describe('what was wished for', () => {
  test('is refused in a sentence where Cloudflare would not take it', () => {
    expect(() => readDeployOptions({ domain: 'https://x' }, {})).toThrow('is a host name in lower case');
    expect(() => readDeployOptions({}, { DEPLOY_JURISDICTION: 'mars' })).toThrow('one of eu, us, fedramp');
    expect(() => readDeployOptions({ location: 'europe' }, {})).toThrow('one of weur, eeur, enam, wnam, apac, oc');
  });

  test('of a repeated flag is the last one', () => {
    const parsed = parse(flags, ['--state', 'a', '--domain', 'a.example', '--state', 'b', '--domain', 'b.example']);
    expect(parsed.success && parsed.value).toMatchObject({ state: 'b', domain: 'b.example' });
    expect(parse(flags, [])).toMatchObject({ success: true, value: { state: '.deploy', domain: undefined } });
  });

  test('comes from flags first, then from the environment, where empty is as good as absent', () => {
    const env = { DEPLOY_DOMAIN: 'a.example', CLOUDFLARE_ACCOUNT_ID: '', WITHINGS_CLIENT_ID: 'id-1', KEYRING: '' };
    expect(readDeployOptions({ domain: 'workers.dev', 'client-id': 'id-2' }, env)).toMatchObject({
      domain: 'workers.dev',
      accountId: undefined,
      secrets: { WITHINGS_CLIENT_ID: 'id-2' },
    });
    expect(readDeployOptions({}, env)).toMatchObject({ domain: 'a.example', secrets: { WITHINGS_CLIENT_ID: 'id-1' } });
  });
});

describe('the place of the Worker', () => {
  const running = (region: unknown) => ({
    get: async <Value>(_path: string, schema: z.ZodType<Value>): Promise<Value> =>
      schema.parse({ running_in_region: region }),
  });

  test('stays near the users if Cloudflare does not say where the database runs, or names an unknown place', async () => {
    for (const region of [undefined, null, '', 'MARS', 'constructor']) {
      const location = await locationOfDatabase(running(region), 'db-1');
      expect(location).toBeUndefined();
      expect(deploymentConfig(readProject({}), RESOURCES, { region: regionBeside(location) })).not.toHaveProperty(
        'placement',
      );
    }
  });

  test('is beside the database, and never where Smart Placement guesses', async () => {
    const location = await locationOfDatabase(running('WEUR'), 'db-1');
    expect(deploymentConfig(readProject({}), RESOURCES, { region: regionBeside(location) })).toMatchObject({
      placement: { region: 'aws:eu-west-1' },
    });
  });
});

describe('the account', () => {
  const reaching =
    (...names: string[]) =>
    async (): Promise<string> =>
      JSON.stringify({ loggedIn: true, accounts: names.map((name) => ({ id: `id-${name}`, name })) });
  const answering = (answer: string) => async (): Promise<string> => answer;
  const mustNotAsk = async (): Promise<string> => Promise.reject(new Error('asked'));

  test('is the only one that the login reaches, or the one that was named, without a question', async () => {
    expect(await findAccount(reaching('ada'), undefined, mustNotAsk)).toBe('id-ada');
    expect(await findAccount(mustNotAsk, 'id-named', mustNotAsk)).toBe('id-named');
  });

  test('is chosen by a person among several, and nothing else is taken for one', async () => {
    expect(await findAccount(reaching('ada', 'work'), undefined, answering('id-work'))).toBe('id-work');
    await expect(findAccount(reaching('ada', 'work'), undefined, answering('work'))).rejects.toThrow('--account ID');
    await expect(findAccount(reaching(), undefined, mustNotAsk)).rejects.toThrow('reaches no account');
  });
});

test('a dry run refuses a front without a domain, as the real one does', async () => {
  const said: string[] = [];
  const run = dryRun(readDeployOptions({ edge: true }, {}), {}, (line) => said.push(line));
  await expect(run).rejects.toThrow('--edge needs a domain of your own');
  expect(said).toEqual([]);
});

describe('a step that fails', () => {
  const failing = async (words: string) => withRemedy('Doing it', async () => Promise.reject(userError(words)));

  test.each([
    ['You need to register a workers.dev subdomain before publishing to workers.dev', /--domain/],
    ["In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable", /login/],
    // `wrangler whoami --json` without a login.
    ['wrangler whoami --json failed:\n{"loggedIn":false}', /login/],
    ['Authentication error [code: 10000]', /Workers Scripts/],
    ['The database could not be found [code: 7404]', /deployment\.json/],
    ['fetch failed', /not reached/],
    ['something new', /^Run this again/m],
  ])('with "%s" says what to do', async (words, remedy) => {
    await expect(failing(words)).rejects.toThrow(remedy);
    await expect(failing(words)).rejects.toThrow('Doing it failed.');
  });

  test('by a mistake of ours shows the mistake', async () => {
    await expect(withRemedy('Doing it', async () => Promise.reject(new TypeError('x')))).rejects.toThrow(/^x$/);
  });
});

describe('waiting for the broker to answer', () => {
  const answers = (...statuses: (number | undefined)[]) => {
    const asked: string[] = [];
    const fetch = async (input: string | URL | Request): Promise<Response> => {
      asked.push(new Request(input).url);
      const status = statuses.shift();
      if (status === undefined) throw new TypeError('fetch failed');
      return new Response('{"ok":true,"checks":{"database":"ok","cron":"failing"}}', { status });
    };
    return { asked, fetch, pause: async () => undefined };
  };

  test('goes on while the address is not known everywhere', async () => {
    const seams = answers(undefined, 404, 200);
    expect(await checkHealth('https://x.example', seams)).toEqual(['cron']);
    expect(seams.asked).toEqual([
      'https://x.example/healthz',
      'https://x.example/healthz',
      'https://x.example/healthz',
    ]);
  });

  test('ends at once where the Worker says that it is set up wrong, and after a minute of silence', async () => {
    const broken = answers(500, 200);
    await expect(checkHealth('https://x.example', broken)).rejects.toThrow('wrangler tail');
    expect(broken.asked).toHaveLength(1);
    const silent = answers(503);
    await expect(checkHealth('https://x.example', silent)).rejects.toThrow('does not answer 200 yet (last: 503)');
    expect(silent.asked).toHaveLength(20);
  });

  test.each(['<html>Sign in to Cloudflare Access</html>', '{"ok":true}', '{"checks":"none"}'])(
    'takes %s for the answer of something else, and waits for the broker’s own',
    async (text) => {
      const texts = [text, '{"checks":{"cron":"ok"}}'];
      const seams = { fetch: async () => new Response(texts.shift() ?? text), pause: async () => undefined };
      expect(await checkHealth('https://x.example', seams)).toEqual([]);
      await expect(checkHealth('https://x.example', seams)).rejects.toThrow('(last: 200, but not of the broker)');
    },
  );
});

test('a hidden answer is not shown while it is typed', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const ask = askOn(input, output);
  const answered = ask('Secret:', { hidden: true });
  input.write('s3cret\n');
  expect(await answered).toBe('s3cret');
  const empty = ask('Domain:');
  input.write('  \n');
  expect(await empty).toBeUndefined();
  const shown = String(output.read());
  expect(shown).toContain('Secret:');
  expect(shown).not.toContain('s3cret');
});

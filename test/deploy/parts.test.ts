import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { parse } from '@optique/core/parser';
import { describe, expect, onTestFinished, test } from 'vitest';

import { deploymentConfig, readProject } from '../../scripts/deploy/config-file.ts';
import { flags } from '../../scripts/deploy/flags.ts';
import { checkHealth } from '../../scripts/deploy/health.ts';
import { locationOfDatabase, regionBeside } from '../../scripts/deploy/location.ts';
import { readDeployOptions } from '../../scripts/deploy/options.ts';
import { findAccount } from '../../scripts/deploy/resources.ts';
import { mustBeSameClient, secretsToSend } from '../../scripts/deploy/secrets.ts';
import { openStateDir } from '../../scripts/deploy/state-dir.ts';
import { withRemedy } from '../../scripts/deploy/with-remedy.ts';
import { mintSecrets } from '../../scripts/secrets.ts';
import { userError } from '../../scripts/user-error.ts';
import { askOn } from '../../src/cli/ask.ts';

const GIVEN = { WITHINGS_CLIENT_ID: 'id-1', WITHINGS_CLIENT_SECRET: 'secret-1' };
const RESOURCES = { accountId: 'acc-1', databaseId: 'db-1', namespaceId: 'kv-1' };
const ALL = ['KEYRING', 'OPERATOR_TOKEN', ...Object.keys(GIVEN)];

const emptyFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'mushu-kept-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return openStateDir(folder);
};

describe('the secrets of a deployment', () => {
  test('are the same in every run until the Worker has them, and then none is sent', async () => {
    const stateDir = emptyFolder();
    const first = await secretsToSend(GIVEN, [], stateDir, false);
    expect(await secretsToSend(GIVEN, [], stateDir, false)).toEqual(first);
    expect(await secretsToSend({}, ALL, stateDir, false)).toEqual({});
    expect(statSync(stateDir.path('secrets.json')).mode & 0o077).toBe(0);
  });

  test('from the environment come before those that would be made, and replace none that the Worker has', async () => {
    const { keyring, operatorToken } = await mintSecrets();
    const given = { ...GIVEN, KEYRING: keyring, OPERATOR_TOKEN: operatorToken };
    const stateDir = emptyFolder();
    expect(await secretsToSend(given, [], stateDir, true)).toEqual(given);
    expect(await secretsToSend(given, ALL, stateDir, true)).toEqual(GIVEN);
    expect(stateDir.secrets()).toBeUndefined();
  });

  test('that the Worker would refuse are refused before anything is made', async () => {
    const { operatorToken } = await mintSecrets();
    const refused = { ...GIVEN, KEYRING: '{"current":"k1","keys":{"k1":"short"}}', OPERATOR_TOKEN: operatorToken };
    await expect(secretsToSend(refused, [], emptyFolder(), true)).rejects.toThrow('is not 32 bytes');
    const mistyped = { ...GIVEN, OPERATOR_TOKEN: `${operatorToken}0` };
    await expect(secretsToSend(mistyped, ['KEYRING'], emptyFolder(), true)).rejects.toThrow('OPERATOR_TOKEN is not');
  });

  test('are not made in continuous integration, where they would be lost', async () => {
    const stateDir = emptyFolder();
    await expect(secretsToSend(GIVEN, [], stateDir, true)).rejects.toThrow('needs KEYRING and OPERATOR_TOKEN');
    expect(stateDir.secrets()).toBeUndefined();
  });

  test('of Withings are asked for by name at the first deployment only', async () => {
    await expect(secretsToSend({}, [], emptyFolder(), false)).rejects.toThrow('needs WITHINGS_CLIENT_ID');
    const { WITHINGS_CLIENT_ID: _, ...halfGiven } = GIVEN;
    expect(await secretsToSend(halfGiven, ALL, emptyFolder(), false)).toEqual(halfGiven);
  });
});

describe('another Withings client than the deployment before', () => {
  const earlier = { accountId: 'a', withingsClientId: 'id-1' };

  test('is refused in a sentence that names both and the way on', () => {
    const check = () => mustBeSameClient({ WITHINGS_CLIENT_ID: 'id-2' }, ALL, earlier);
    expect(check).toThrow('belong to the Withings client id-1');
    expect(check).toThrow('another one, id-2');
    expect(check).toThrow('--replace-client');
  });

  test('is none where the client is the same, not given, not known, or not deployed yet', () => {
    expect(() => mustBeSameClient(GIVEN, ALL, earlier)).not.toThrow();
    expect(() => mustBeSameClient({ WITHINGS_CLIENT_SECRET: 'rotated' }, ALL, earlier)).not.toThrow();
    expect(() => mustBeSameClient({ WITHINGS_CLIENT_ID: 'id-2' }, ALL, { accountId: 'a' })).not.toThrow();
    expect(() => mustBeSameClient({ WITHINGS_CLIENT_ID: 'id-2' }, ['KEYRING'], earlier)).not.toThrow();
  });
});

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
  const running = (region: unknown) => async (): Promise<string> => JSON.stringify({ running_in_region: region });

  test('stays near the users if Cloudflare does not say where the database runs, or names an unknown place', async () => {
    for (const region of [undefined, null, '', 'MARS', 'constructor']) {
      const location = await locationOfDatabase(running(region), 'wrangler.json');
      expect(location).toBeUndefined();
      expect(deploymentConfig(readProject({}), RESOURCES, undefined, regionBeside(location))).not.toHaveProperty(
        'placement',
      );
    }
  });

  test('is beside the database, and never where Smart Placement guesses', async () => {
    const location = await locationOfDatabase(running('WEUR'), 'wrangler.json');
    expect(deploymentConfig(readProject({}), RESOURCES, undefined, regionBeside(location))).toMatchObject({
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

describe('a step that fails', () => {
  const failing = async (words: string) => withRemedy('Doing it', async () => Promise.reject(userError(words)));

  test.each([
    ['You need to register a workers.dev subdomain before publishing to workers.dev', /--domain/],
    ["In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN environment variable", /login/],
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

describe('the configuration of a deployment', () => {
  test('is what wrangler.toml says, with ids, and paths that hold from anywhere', () => {
    const project = readProject({});
    const config = deploymentConfig(project, RESOURCES, undefined);
    expect(config).toMatchObject({
      name: 'mushu-health',
      account_id: 'acc-1',
      main: join(import.meta.dirname, '../../src/worker.ts'),
      workers_dev: true,
      d1_databases: [{ binding: 'DB', database_id: 'db-1' }],
      kv_namespaces: [{ binding: 'LINKS', id: 'kv-1' }],
      observability: { redact_query_string: true },
      triggers: project['triggers'],
    });
    expect(config).not.toHaveProperty('routes');
  });

  test('serves a host of its own where one is wished for, and nothing on workers.dev', () => {
    expect(deploymentConfig(readProject({}), RESOURCES, 'withings.example.com')).toMatchObject({
      workers_dev: false,
      preview_urls: false,
      routes: [{ pattern: 'withings.example.com', custom_domain: true }],
      vars: { PUBLIC_URL: 'https://withings.example.com', WITHINGS_API_URL: 'https://wbsapi.withings.net' },
    });
  });

  test('has the name that Workers Builds was set up with', () => {
    expect(readProject({ WRANGLER_CI_OVERRIDE_NAME: 'my-broker' }).name).toBe('my-broker');
  });

  test('lies in a folder that is never committed', () => {
    expect(readFileSync(join(import.meta.dirname, '../../.gitignore'), 'utf8')).toContain('\n.deploy/\n');
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { deploymentConfig, readProject } from './config-file.ts';
import { DEFAULT_LOCATION, regionBeside } from './location.ts';
import { parseDomain, type DeployOptions } from './options.ts';
import { namespaceTitle } from './resources.ts';
import { openStateDir } from './state-dir.ts';
import { wranglerWith } from './wrangler.ts';

const NO_RESOURCES = {
  accountId: '0'.repeat(32),
  databaseId: '00000000-0000-0000-0000-000000000000',
  namespaceId: '0'.repeat(32),
};

/** Prints every step, and builds the bundle with the same configuration. Uses no network. */
export const dryRun = async (
  options: DeployOptions,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> => {
  const project = readProject(env);
  const domain = parseDomain(options.domain);
  const location = options.location ?? DEFAULT_LOCATION;
  const [where, jurisdiction] =
    options.jurisdiction === undefined
      ? [` --location ${location}`, '']
      : [` --jurisdiction ${options.jurisdiction}`, ` --jurisdiction ${options.jurisdiction}`];
  const steps = [
    ['wrangler whoami', 'to which account?'],
    [`wrangler d1 list`, `is ${project.d1_databases[0].database_name} there?`],
    [`wrangler kv namespace list`, `is ${namespaceTitle(project)} there?`],
    [`wrangler secret list`, 'which secrets has the Worker?'],
    ['ask', 'for what is missing, once'],
    [`wrangler d1 create ${project.d1_databases[0].database_name}${where}`, 'unless it is there'],
    [`wrangler kv namespace create ${namespaceTitle(project)}${jurisdiction}`, 'unless it is there'],
    ['wrangler d1 info DB', 'where does it run? the Worker runs beside it'],
    ['wrangler d1 migrations apply DB --remote', 'before the code that needs them'],
    ...(options.importFrom === undefined
      ? []
      : [['wrangler d1 execute DB --remote --file …', `what ${options.importFrom} has, unless it holds any apps`]]),
    ['wrangler deploy --secrets-file …', 'code and missing secrets at once'],
    ...(domain === undefined ? [['wrangler deploy', 'once more, with the address that it got as PUBLIC_URL']] : []),
    [`GET ${options.healthUrl ?? `https://${domain ?? '….workers.dev'}`}/healthz`, 'until it answers'],
  ];
  for (const [index, [step = '', why = '']] of steps.entries())
    say(`${`${index + 1}.`.padEnd(4)}${step.padEnd(52)}${why}`);
  say('\nNothing of that was done. The bundle as it would be sent:\n');
  const folder = await mkdtemp(join(tmpdir(), 'mushu-dry-run-'));
  try {
    const config = openStateDir(folder).writeConfig(
      deploymentConfig(project, NO_RESOURCES, domain, regionBeside(location)),
    );
    const wrangler = wranglerWith({});
    say(await wrangler(['deploy', '--dry-run', '--config', config, '--outdir', join(folder, 'bundle')]));
  } finally {
    await rm(folder, { recursive: true });
  }
};

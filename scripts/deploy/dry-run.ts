import { join } from 'node:path';

import { mustHaveDomain } from './choices.ts';
import { deploymentConfig, frontName, type Project, readProject } from './config-file.ts';
import { DEFAULT_LOCATION, regionBeside } from './location.ts';
import { parseDomain, type DeployOptions } from './options.ts';
import { withPrivateFolder } from './private-folder.ts';
import { namespaceTitle } from './resources.ts';
import { openStateDir } from './state-dir.ts';
import { wranglerWith } from './wrangler.ts';

const NO_RESOURCES = {
  accountId: '0'.repeat(32),
  databaseId: '00000000-0000-0000-0000-000000000000',
  namespaceId: '0'.repeat(32),
};

/** The steps of a run, each with what it is for. */
const stepsOf = (project: Project, options: DeployOptions, domain: string | undefined): string[][] => {
  const location = options.location ?? DEFAULT_LOCATION;
  const isBehindFront = options.edge ?? false;
  const [where, jurisdiction] =
    options.jurisdiction === undefined
      ? [` --location ${location}`, '']
      : [` --jurisdiction ${options.jurisdiction}`, ` --jurisdiction ${options.jurisdiction}`];
  return [
    ['wrangler whoami', 'to which account?'],
    ['GET d1/database', `is ${project.d1_databases[0].database_name} there?`],
    ['GET storage/kv/namespaces', `is ${namespaceTitle(project)} there?`],
    ['GET workers/scripts/…/secrets', 'which secrets has the Worker? is there a front?'],
    ['ask', 'for what is missing, once'],
    [`wrangler d1 create ${project.d1_databases[0].database_name}${where}`, 'unless it is there'],
    [`wrangler kv namespace create ${namespaceTitle(project)}${jurisdiction}`, 'unless it is there'],
    ['GET d1/database/…', 'where does it run? the Worker runs beside it'],
    ['wrangler d1 migrations apply DB --remote', 'before the code that needs them'],
    ...(options.importFrom === undefined
      ? []
      : [['wrangler d1 execute DB --remote --file …', `what ${options.importFrom} has, unless it holds any apps`]]),
    ...(isBehindFront ? [['PUT d1/database/…', 'switch its read replication on']] : []),
    ['wrangler deploy --secrets-file …', 'code and missing secrets at once'],
    ...(isBehindFront
      ? [['wrangler deploy --secrets-file …', `${frontName(project)}, which takes the domain over`]]
      : []),
    ...(domain === undefined ? [['wrangler deploy', 'once more, with the address that it got as PUBLIC_URL']] : []),
    [`GET ${options.healthUrl ?? `https://${domain ?? '….workers.dev'}`}/healthz`, 'until it answers'],
    ...(options.edge === false
      ? [
          ['PUT d1/database/…', 'a minute later: switch its read replication off'],
          [`DELETE workers/scripts/${frontName(project)}`, 'which holds the domain no longer'],
        ]
      : []),
  ];
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
  const isBehindFront = options.edge ?? false;
  if (isBehindFront) mustHaveDomain(domain);
  const steps = stepsOf(project, options, domain);
  for (const [index, [step = '', why = '']] of steps.entries())
    say(`${`${index + 1}.`.padEnd(4)}${step.padEnd(52)}${why}`);
  say('\nNothing of that was done. The bundle as it would be sent:\n');
  await withPrivateFolder(async (folder) => {
    const config = openStateDir(folder).writeConfig(
      deploymentConfig(project, NO_RESOURCES, { domain, region: regionBeside(location), isBehindFront }),
    );
    const wrangler = wranglerWith(env);
    say(await wrangler(['deploy', '--dry-run', '--config', config, '--outdir', join(folder, 'bundle')]));
  });
};

import { userError } from '../user-error.ts';
import type { Chosen } from './choices.ts';
import type { Project, Resources } from './config-file.ts';
import { namespaceTitle, type ExistingResources } from './resources.ts';
import type { KeptDeployment } from './state-dir.ts';
import { withRemedy } from './with-remedy.ts';
import type { Wrangler } from './wrangler.ts';

/** The ids of the database and the KV namespace, each recorded before the next one is created. */
export const findOrMake = async (
  wrangler: Wrangler,
  project: Project,
  {
    found,
    chosen,
    say,
    keep,
  }: {
    found: ExistingResources;
    chosen: Chosen;
    say: (line: string) => void;
    keep: (more: Partial<KeptDeployment>) => void;
  },
): Promise<Omit<Resources, 'accountId'>> => {
  const databaseId = found.databaseId ?? (await makeDatabase(wrangler, project.d1_databases[0].database_name, chosen));
  say(`database ${databaseId}: ${found.databaseId === undefined ? 'made' : 'there already'}`);
  keep({ databaseId });
  const namespaceId = found.namespaceId ?? (await makeNamespace(wrangler, namespaceTitle(project), chosen));
  say(`KV namespace ${namespaceId}: ${found.namespaceId === undefined ? 'made' : 'there already'}`);
  keep({ namespaceId });
  return { databaseId, namespaceId };
};

const inJurisdiction = ({ jurisdiction }: Chosen): string[] =>
  jurisdiction === undefined ? [] : ['--jurisdiction', jurisdiction];

const makeDatabase = async (wrangler: Wrangler, name: string, chosen: Chosen): Promise<string> =>
  withRemedy('Making the database', async () => {
    const where = chosen.jurisdiction === undefined ? ['--location', chosen.location] : inJurisdiction(chosen);
    const said = await wrangler(['d1', 'create', name, ...where]);
    return idIn(said, /database_id"?\s*[=:]\s*"([0-9a-f-]{36})"/);
  });

const makeNamespace = async (wrangler: Wrangler, title: string, chosen: Chosen): Promise<string> =>
  withRemedy('Making the KV namespace', async () => {
    const said = await wrangler(['kv', 'namespace', 'create', title, ...inJurisdiction(chosen)]);
    return idIn(said, /\bid"?\s*[=:]\s*"([0-9a-f]{32})"/);
  });

/** The id in wrangler's suggestion for the configuration file. */
const idIn = (said: string, pattern: RegExp): string => {
  const id = pattern.exec(said)?.[1];
  if (id === undefined) throw userError(`wrangler made it, but says no id:\n${said}`);
  return id;
};

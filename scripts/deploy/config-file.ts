import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse } from 'smol-toml';
import * as z from 'zod';

const ROOT = fileURLToPath(import.meta.resolve('../..'));

const projectSchema = z.looseObject({
  name: z.string(),
  main: z.string(),
  vars: z.record(z.string(), z.unknown()),
  build: z.looseObject({}),
  assets: z.looseObject({ directory: z.string() }),
  triggers: z.object({ crons: z.array(z.string()) }),
  secrets: z.object({ required: z.array(z.string()) }),
  ratelimits: z.array(z.looseObject({ name: z.string(), namespace_id: z.string() })),
  d1_databases: z.tuple([
    z.looseObject({
      binding: z.literal('DB'),
      database_name: z.string(),
      database_id: z.string().optional(),
      migrations_dir: z.string(),
    }),
  ]),
  kv_namespaces: z.tuple([z.looseObject({ binding: z.literal('LINKS'), id: z.string().optional() })]),
});

/** The content of `wrangler.toml`. It has ids only if Cloudflare's deploy button or a developer wrote them. */
export type Project = z.infer<typeof projectSchema>;

/** Reads `wrangler.toml`. Workers Builds deploys under the name in its own settings. */
export const readProject = (env: NodeJS.ProcessEnv): Project => {
  const project = projectSchema.parse(parse(readFileSync(resolve(ROOT, 'wrangler.toml'), 'utf8')));
  return { ...project, name: env['WRANGLER_CI_OVERRIDE_NAME'] || project.name };
};

export type Resources = { accountId: string; databaseId: string; namespaceId: string };

export type Where = {
  /** A host of a zone in the account; without one, the address is that of `wrangler.toml`. */
  domain?: string | undefined;
  /** The cloud region beside which the Worker runs; without one, it runs near each user. */
  region?: string | undefined;
  /**
   * The address without a domain, if known. The Worker gets it as a setting; otherwise its URLs would have any host
   * that a request names.
   */
  workersDevUrl?: string | undefined;
  /** Whether another Worker holds the domain and hands its requests to this one. */
  isBehindFront?: boolean;
};

/**
 * The configuration of one deployment: `wrangler.toml` with the ids of the account's resources and the address filled
 * in. Paths are absolute, because the file lies in another folder than `wrangler.toml`.
 */
export const deploymentConfig = (
  project: Project,
  { accountId, databaseId, namespaceId }: Resources,
  { domain, region, workersDevUrl, isBehindFront = false }: Where,
) => {
  const publicUrl = domain === undefined ? workersDevUrl : `https://${domain}`;
  const [database] = project.d1_databases;
  const [namespace] = project.kv_namespaces;
  return {
    ...project,
    account_id: accountId,
    main: resolve(ROOT, project.main),
    build: { ...project.build, cwd: ROOT },
    assets: { ...project.assets, directory: resolve(ROOT, project.assets.directory) },
    d1_databases: [{ ...database, database_id: databaseId, migrations_dir: resolve(ROOT, database.migrations_dir) }],
    kv_namespaces: [{ ...namespace, id: namespaceId }],
    ...(region !== undefined && { placement: { region } }),
    ...(domain !== undefined && { workers_dev: false }),
    ...(domain !== undefined && !isBehindFront && { routes: [{ pattern: domain, custom_domain: true }] }),
    vars: {
      ...project.vars,
      ...(publicUrl !== undefined && { PUBLIC_URL: publicUrl }),
      ...(isBehindFront && { BEHIND_FRONT: 'yes' }),
    },
  };
};

/**
 * The name of the front of two Workers. The placed one keeps the project's name, and with it the cron and the secrets.
 */
export const frontName = ({ name }: Project): string => `${name}-edge`;

/** What the front needs to start links; it neither manages apps nor calls Withings. */
export const FRONT_SECRETS = ['KEYRING', 'WITHINGS_CLIENT_ID'] as const;

/** The rate limits that the front applies itself. */
const FRONT_RATE_LIMITS = ['AUTH_RATE', 'NETWORK_RATE'];

/**
 * The configuration of the front: the same bundle, unplaced, with the domain, a binding to the placed Worker, and no
 * cron.
 */
export const frontConfig = (project: Project, resources: Resources, domain: string): object => {
  // The placed Worker is deployed first, so the static files are built.
  const { build: _, triggers: __, ...config } = deploymentConfig(project, resources, { domain });
  return {
    ...config,
    name: frontName(project),
    services: [{ binding: 'PLACED', service: project.name }],
    secrets: { required: FRONT_SECRETS },
    // Counted apart: what the front hands over is counted by the placed Worker as well.
    ratelimits: project.ratelimits
      .filter(({ name }) => FRONT_RATE_LIMITS.includes(name))
      .map((limit) => ({ ...limit, namespace_id: `1${limit.namespace_id}` })),
  };
};

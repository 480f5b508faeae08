import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { deploymentConfig, readProject } from '../../scripts/deploy/config-file.ts';

const RESOURCES = { accountId: 'acc-1', databaseId: 'db-1', namespaceId: 'kv-1' };

describe('the configuration of a deployment', () => {
  test('is what wrangler.toml says, with ids, and paths that hold from anywhere', () => {
    const project = readProject({});
    const config = deploymentConfig(project, RESOURCES, {});
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
    expect(deploymentConfig(readProject({}), RESOURCES, { domain: 'withings.example.com' })).toMatchObject({
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

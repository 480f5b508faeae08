import { describe, expect, test } from 'vitest';

import { deploymentConfig, readProject } from '../../scripts/deploy/config-file.ts';

/** What wrangler.toml keeps from the public, with a host of the operator's own and without. */

describe.each(['withings.example.com', undefined])('a deployment to %s', (domain) => {
  const resources = { accountId: 'acc-1', databaseId: 'db-1', namespaceId: 'kv-1' };
  const config = deploymentConfig(readProject({}), resources, { domain });

  test('runs no older version in public, on the real database, at an address of its own', () => {
    expect(config).toMatchObject({ preview_urls: false });
  });

  test('writes no query into the platform’s log, where Withings’ code and our state would be', () => {
    expect(config).toMatchObject({
      observability: { redact_query_string: true, logs: { invocation_logs: false }, traces: { enabled: false } },
    });
  });

  test('sends its own requests to the public internet, never around the firewall to an origin of its own zone', () => {
    expect(config).toMatchObject({
      compatibility_flags: expect.arrayContaining(['global_fetch_strictly_public']) as unknown,
      vars: { WITHINGS_API_URL: 'https://wbsapi.withings.net', WITHINGS_LOGIN_URL: 'https://account.withings.com' },
    });
  });
});

import { readFileSync } from 'node:fs';

import { explained } from '../explained.ts';

export type Deployment = {
  databaseId: string;
  namespaceId: string;
  /** A host of a zone in the account; workers.dev where absent. */
  domain: string | undefined;
};

/**
 * The configuration of one deployment: `wrangler.toml` with the ids of the account's resources and the address filled in. It is written
 * beside it, because the paths in it are relative, and is nobody else's business, so it is not committed.
 */
export const deploymentConfig = ({ databaseId, namespaceId, domain }: Deployment): string => {
  const template = readFileSync(new URL('../../wrangler.toml', import.meta.url).pathname, 'utf8');
  const filled = insertAfter(
    insertAfter(template, 'binding = "DB"', `database_id = "${databaseId}"`),
    'binding = "LINKS"',
    `id = "${namespaceId}"`,
  );
  if (domain === undefined) return filled;
  const addressed = filled.replace(
    'workers_dev = true',
    `workers_dev = false\nroutes = [{ pattern = "${domain}", custom_domain = true }]`,
  );
  return insertAfter(addressed, '[vars]', `PUBLIC_URL = "https://${domain}"`);
};

const insertAfter = (text: string, line: string, added: string): string => {
  if (!text.includes(`${line}\n`)) throw explained(`wrangler.toml lacks the line ${line}, so it cannot be filled in.`);
  return text.replace(`${line}\n`, `${line}\n${added}\n`);
};

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as z from 'zod';

import { userError } from '../user-error.ts';
import { withPrivateFolder } from './private-folder.ts';
import type { Secrets } from './secrets.ts';
import type { Wrangler } from './wrangler.ts';

export type Upload = {
  config: string;
  secrets: Secrets;
  /** Whether wrangler may ask the person at the terminal. */
  attended: boolean;
  /** The Worker's name, if another is set in the environment. */
  name?: string | undefined;
};

/** Uploads code and secrets together. Returns wrangler's output file. */
export const upload = async (wrangler: Wrangler, { config, secrets, attended, name }: Upload): Promise<string> =>
  withPrivateFolder(async (folder) => {
    const [secretsFile, outputFile] = [join(folder, 'secrets.json'), join(folder, 'output.ndjson')];
    await writeFile(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
    await wrangler(['deploy', '--config', config, '--secrets-file', secretsFile], {
      env: {
        WRANGLER_OUTPUT_FILE_PATH: outputFile,
        // Workers Builds renames whatever is deployed.
        ...(name !== undefined && { WRANGLER_CI_OVERRIDE_NAME: name }),
      },
      attended,
    });
    return readFile(outputFile, 'utf8');
  });

const outputEntry = z.object({ type: z.string(), targets: z.array(z.string()).optional() });

/** The address on workers.dev, from wrangler's output file. */
export const workersDevUrl = (output: string): string => {
  const entries = output
    .split('\n')
    .filter(Boolean)
    .map((line) => outputEntry.parse(JSON.parse(line)));
  const target = entries.findLast(({ type }) => type === 'deploy')?.targets?.find((text) => /^https?:/.test(text));
  if (target === undefined)
    throw userError('The Worker is deployed, but wrangler names no address. Is workers.dev switched on?');
  return new URL(target).origin;
};

import { createHash } from 'node:crypto';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Wrangler } from '../../scripts/deploy/wrangler.ts';
import { userError } from '../../scripts/user-error.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');

/**
 * Stands in for wrangler's commands for D1: makes the same requests to Cloudflare's API, in the same order, without a
 * process.
 */
export const d1Wrangler =
  (apiUrl: string) =>
  (env: NodeJS.ProcessEnv): Wrangler =>
  async (args) => {
    const valueOf = (flag: string): string | undefined =>
      args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;
    const config = JSON.parse(readFileSync(valueOf('--config') ?? '', 'utf8')) as Config;
    const origin = new URL(apiUrl).origin;
    const call = async (method: string, path: string, body?: object): Promise<unknown> => {
      const url = `${apiUrl}/accounts/${env['CLOUDFLARE_ACCOUNT_ID']}/d1/database/${config.d1_databases[0].database_id}/${path}`;
      const answer = await fetch(url, { method, ...(body !== undefined && { body: JSON.stringify(body) }) }).catch(
        () => undefined,
      );
      if (answer === undefined) throw userError('fetch failed');
      if (!answer.ok) throw userError(await answer.text());
      const { result }: { result: unknown } = await answer.json();
      return result;
    };
    const query = async (sql: string) => (await call('POST', 'query', { sql })) as [{ results: { name: string }[] }];
    const [, command, action] = args;
    if (command === 'time-travel' && action === 'info') {
      const timestamp = valueOf('--timestamp');
      const at = timestamp === undefined ? '' : new Date(timestamp).toISOString();
      return JSON.stringify(await call('GET', `time_travel/bookmark${at && `?timestamp=${at}`}`));
    }
    if (command === 'time-travel') {
      return JSON.stringify(await call('POST', `time_travel/restore?bookmark=${valueOf('--bookmark')}`));
    }
    if (command === 'export') {
      const tables = args.flatMap((arg, index) => (args[index - 1] === '--table' ? [arg] : []));
      const options = { tables, no_schema: args.includes('--no-schema'), no_data: false };
      const { result } = (await call('POST', 'export', { dump_options: options })) as {
        result: { signed_url: string };
      };
      writeFileSync(valueOf('--output') ?? '', await (await fetch(result.signed_url)).text());
      return '';
    }
    if (command === 'migrations') {
      const applied = await query('SELECT name FROM d1_migrations');
      for (const name of globSync('*.sql', { cwd: MIGRATIONS }).toSorted()) {
        if (applied[0].results.some((row) => row.name === name)) continue;
        const sql = readFileSync(join(MIGRATIONS, name), 'utf8');
        await query(`${sql}\nINSERT INTO d1_migrations (name) VALUES ('${name}');`);
      }
      return '';
    }
    const file = valueOf('--file');
    if (file === undefined) return JSON.stringify(await query(valueOf('--command') ?? ''));
    const sql = readFileSync(file, 'utf8');
    const etag = createHash('md5').update(sql).digest('hex');
    await call('POST', 'import', { action: 'init', etag });
    const uploaded = await fetch(`${origin}/upload`, { method: 'PUT', body: sql }).catch(() => undefined);
    if (uploaded?.ok !== true) throw userError('fetch failed');
    await call('POST', 'import', { action: 'ingest', etag });
    return JSON.stringify(await call('POST', 'import', { action: 'poll' }));
  };

type Config = { d1_databases: [{ database_id: string }] };

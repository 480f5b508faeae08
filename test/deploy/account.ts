import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished } from 'vitest';

import { deploy } from '../../scripts/deploy/deployment.ts';
import { type Flags, readDeployOptions } from '../../scripts/deploy/options.ts';
import { openStateDir } from '../../scripts/deploy/state-dir.ts';
import type { Wrangler } from '../../scripts/deploy/wrangler.ts';
import { startCloudflare } from './cloudflare-stand-in.ts';

/** An account with a database and a namespace, and a machine that deploys to it in this process. */
export type Account = Awaited<ReturnType<typeof openAccount>>;

export type Run = { flags?: Flags; env?: Record<string, string>; attended?: boolean };

/** @param wranglerTo what runs wrangler against the stand-in for Cloudflare's API */
export const openAccount = async (wranglerTo: (apiUrl: string) => (env: NodeJS.ProcessEnv) => Wrangler) => {
  const cloud = await startCloudflare();
  cloud.regionOf = () => 'WEUR';
  cloud.addDatabase('mushu-health');
  cloud.namespaces.push({ id: 'f'.repeat(32), title: 'mushu-health-LINKS' });
  const folder = mkdtempSync(join(tmpdir(), 'mushu-account-'));
  onTestFinished(() => {
    cloud.stop();
    rmSync(folder, { recursive: true, maxRetries: 50 });
  });
  const stateDir = openStateDir(join(folder, 'state'));
  const waited: { ms: number; workers: string[] }[] = [];
  /** Deploys; what was said, and what it failed with. */
  const run = async ({ flags = {}, env: more = {}, attended = false }: Run): Promise<{ ok: boolean; said: string }> => {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      CLOUDFLARE_API_BASE_URL: cloud.apiUrl,
      CLOUDFLARE_API_TOKEN: 'cf-token-1',
      ...more,
    };
    const said: string[] = [];
    const context = {
      env,
      stateDir,
      ask: async () => undefined,
      attended,
      ephemeral: false,
      say: (line: string) => void said.push(line),
      wait: async (ms: number) => void waited.push({ ms, workers: [...cloud.workers.keys()] }),
      wranglerWith: wranglerTo(cloud.apiUrl),
    };
    const options = readDeployOptions({ 'health-url': cloud.origin, account: cloud.accounts[0]?.id, ...flags }, env);
    return deploy(options, context).then(
      () => ({ ok: true, said: said.join('\n') }),
      (error: Error) => ({ ok: false, said: [...said, error.message].join('\n') }),
    );
  };
  return {
    cloud,
    stateDir,
    waited,
    run,
    /** Deploys, which must not fail. */
    succeed: async (wanted: Run): Promise<string> => {
      const { ok, said } = await run(wanted);
      expect(ok, said).toBe(true);
      return said;
    },
  };
};

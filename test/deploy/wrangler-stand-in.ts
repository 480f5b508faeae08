import { readFileSync, writeFileSync } from 'node:fs';

import type { Wrangler } from '../../scripts/deploy/wrangler.ts';
import { userError } from '../../scripts/user-error.ts';

/**
 * Stands in for wrangler where a test runs many deployments: makes the same requests that change something, in the same order, without a
 * process and without a bundle. `deploy.test.ts` compares them with wrangler's own.
 */
export const standInWrangler =
  (apiUrl: string) =>
  (env: NodeJS.ProcessEnv): Wrangler =>
  async (args, { env: more = {} } = {}) => {
    const valueOf = (flag: string): string => args[args.indexOf(flag) + 1] ?? '';
    const call = async (method: string, path: string, body: BodyInit): Promise<void> => {
      const url = `${apiUrl}/accounts/${env['CLOUDFLARE_ACCOUNT_ID']}/workers/scripts/${path}`;
      const answer = await fetch(url, { method, body }).catch(() => undefined);
      if (answer?.ok === true) return;
      throw userError(answer === undefined ? 'fetch failed' : await answer.text());
    };
    if (args[0] !== 'deploy') return '';
    const secrets = read(valueOf('--secrets-file')) as Record<string, string>;
    const config = read(valueOf('--config')) as Config;
    await deploy(call, config, secrets);
    const targets = config.workers_dev === true ? [`https://${config.name}.ada.workers.dev`] : [];
    writeFileSync(more['WRANGLER_OUTPUT_FILE_PATH'] ?? '', JSON.stringify({ type: 'deploy', targets }));
    return '';
  };

type Config = {
  name: string;
  vars: Record<string, string>;
  secrets: { required: string[] };
  services?: { binding: string; service: string }[];
  ratelimits: { name: string; namespace_id: string }[];
  placement?: object;
  triggers?: { crons: string[] };
  routes?: { pattern: string }[];
  workers_dev?: boolean;
};

const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

const deploy = async (
  call: (method: string, path: string, body: BodyInit) => Promise<void>,
  config: Config,
  secrets: Record<string, string>,
): Promise<void> => {
  const { name, vars, services = [], ratelimits, placement, triggers, routes } = config;
  const lacking = config.secrets.required.filter((secret) => !(secret in secrets));
  const metadata = {
    placement,
    keep_bindings: ['secret_text'],
    bindings: [
      ...Object.entries(secrets).map(([key, text]) => ({ type: 'secret_text', name: key, text })),
      ...lacking.map((key) => ({ type: 'inherit', name: key })),
      ...Object.entries(vars).map(([key, text]) => ({ type: 'plain_text', name: key, text })),
      ...services.map(({ binding, service }) => ({ type: 'service', name: binding, service })),
      ...ratelimits.map((limit) => ({ type: 'ratelimit', ...limit })),
    ],
  };
  const form = new FormData();
  form.set('metadata', JSON.stringify(metadata));
  const isThere = await call('PATCH', `${name}/script-settings`, '{}').then(
    () => true,
    () => false,
  );
  if (isThere) {
    await call('POST', `${name}/versions`, form);
    await call('POST', `${name}/deployments`, '{}');
  } else await call('PUT', name, form);
  if (routes !== undefined) {
    const origins = routes.map(({ pattern }) => ({ hostname: pattern }));
    await call('PUT', `${name}/domains/records`, JSON.stringify({ origins, override_existing_origin: true }));
  }
  if (triggers !== undefined) {
    await call('PUT', `${name}/schedules`, JSON.stringify(triggers.crons.map((cron) => ({ cron }))));
  }
};

import { randomUUID } from 'node:crypto';

import { type Call, type Cloudflare, type Metadata, refusal, type Route, type Worker } from './cloudflare-account.ts';

/** The routes of Cloudflare's API that are about a Worker: its code, secrets, assets, schedules and domains. */

const NO_CHANGES = { added: [], removed: [], updated: [], conflicting: [] };
const NO_WORKER = refusal(404, 10007, 'This Worker does not exist on your account.');

export const workerRoutes = (cloud: Cloudflare): Route[] => {
  /** A route of one Worker, which has to exist. */
  const about = (
    method: string,
    path: string,
    answer: (worker: Worker, call: Call, name: string) => unknown,
  ): Route => [
    method,
    new RegExp(`^/workers/${path.replace('NAME', String.raw`([\w-]+)`)}$`),
    (call) => {
      const [name = ''] = call.params;
      const worker = cloud.workers.get(name);
      return worker === undefined ? NO_WORKER : answer(worker, call, name);
    },
  ];
  return [
    about('GET', 'scripts/NAME/secrets', ({ secrets }) =>
      Array.from(secrets.keys(), (name) => ({ name, type: 'secret_text' })),
    ),
    about('PUT', 'scripts/NAME/secrets', ({ secrets }, { body }) => {
      const { name, text } = body() as { name: string; text: string };
      secrets.set(name, text);
      return { name, type: 'secret_text' };
    }),
    about('DELETE', 'scripts/NAME/secrets/PAUSED', ({ secrets }) =>
      secrets.delete('PAUSED') ? null : refusal(404, 10056, 'Binding not found'),
    ),
    about('GET', 'services/NAME', () => ({
      default_environment: { environment: 'production', script: { last_deployed_from: 'wrangler' } },
    })),
    about('GET', 'scripts/NAME/deployments', () => ({ deployments: [] })),
    about('GET', 'scripts/NAME/settings', ({ bindings }) => ({ bindings })),
    [
      'GET',
      /^\/workers\/domains$/,
      ({ query }) =>
        [...cloud.domains].flatMap(([hostname, service]) =>
          hostname === query.get('hostname') ? [{ hostname, service }] : [],
        ),
    ],
    [
      'GET',
      /^\/workers\/subdomain$/,
      () => (cloud.subdomain === undefined ? refusal(404, 10007, 'no subdomain') : { subdomain: cloud.subdomain }),
    ],
    [
      'POST',
      /^\/workers\/scripts\/[\w-]+\/assets-upload-session$/,
      ({ body }) => {
        const { manifest } = body() as { manifest: Record<string, { hash: string }> };
        const missing = Object.entries(manifest).filter(([path]) => !cloud.assets.has(path));
        for (const [path] of missing) cloud.assets.add(path);
        return { jwt: jwt(), buckets: [missing.map(([, { hash }]) => hash)] };
      },
    ],
    ['POST', /^\/workers\/assets\/upload$/, () => ({ jwt: jwt() })],
    // The first upload makes the Worker; later ones are versions, each of which is then deployed.
    ['PUT', /^\/workers\/scripts\/([\w-]+)$/, (call) => uploaded(cloud, call)],
    ['POST', /^\/workers\/scripts\/([\w-]+)\/versions$/, (call) => uploaded(cloud, call)],
    about('DELETE', 'scripts/NAME', (_, __, name) => {
      cloud.workers.delete(name);
      for (const [host, holder] of cloud.domains) if (holder === name) cloud.domains.delete(host);
      return null;
    }),
    about('POST', 'scripts/NAME/deployments', () => ({ id: 'd' })),
    about('PATCH', 'scripts/NAME/script-settings', () => ({})),
    about('POST', 'scripts/NAME/subdomain', () => ({ enabled: true, previews_enabled: false })),
    about('GET', 'workers/NAME', () => ({ subdomain: { enabled: true } })),
    about('PUT', 'scripts/NAME/schedules', (worker, { body }) => {
      worker.crons = (body() as { cron: string }[]).map(({ cron }) => cron);
      return { schedules: [] };
    }),
    about('POST', 'scripts/NAME/domains/changeset', () => NO_CHANGES),
    about('PUT', 'scripts/NAME/domains/records', (_, { body }, name) => {
      const { origins, override_existing_origin: mayTake } = body() as WantedDomains;
      const taken = origins.find(({ hostname }) => ![undefined, name].includes(cloud.domains.get(hostname)));
      if (taken !== undefined && !mayTake) return refusal(409, 100116, `${taken.hostname} is in use by another Worker`);
      for (const { hostname } of origins) cloud.domains.set(hostname, name);
      return [];
    }),
  ];
};

type WantedDomains = { origins: { hostname: string }[]; override_existing_origin: boolean };

/** A token as wrangler expects it of the upload of assets: three parts, of which it reads the middle one. */
const jwt = (): string => ['{}', '{}', ''].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** Takes the code and its bindings. A secret is inherited where the upload asks for it and refused where there is none, as on Cloudflare. */
const uploaded = (cloud: Cloudflare, { raw, contentType, params: [script = ''] }: Call): unknown => {
  const metadata = metadataOf(raw, contentType);
  const before = cloud.workers.get(script);
  const secrets = new Map(metadata.keep_bindings?.includes('secret_text') ? before?.secrets : []);
  for (const { type, name, text, service } of metadata.bindings) {
    if (type === 'secret_text') secrets.set(name, text ?? '');
    if (type === 'inherit' && !before?.secrets.has(name)) {
      return refusal(400, 10057, `inherit binding '${name}' is invalid`);
    }
    if (type === 'service' && !cloud.workers.has(service ?? '')) {
      return refusal(400, 10143, `Could not resolve service binding '${name}'. Target script '${service}' not found`);
    }
  }
  cloud.workers.set(script, {
    secrets,
    placement: metadata.placement,
    bindings: metadata.bindings.filter(({ type }) => type !== 'secret_text'),
    uploads: [
      ...(before?.uploads ?? []),
      metadata.bindings.flatMap(({ type, name }) => (type === 'secret_text' ? [name] : [])),
    ],
    crons: before?.crons ?? [],
  });
  return { id: randomUUID(), startup_time_ms: 5, deployment_id: 'd', resources: { script: { etag: 'e' } } };
};

const metadataOf = (raw: Buffer, contentType: string): Metadata => {
  const boundary = /boundary=(.*)$/.exec(contentType)?.[1] ?? '';
  const part = raw
    .toString('latin1')
    .split(`--${boundary}`)
    .find((text) => text.includes('name="metadata"'));
  return JSON.parse(part?.slice(part.indexOf('\r\n\r\n')) ?? '{}') as Metadata;
};

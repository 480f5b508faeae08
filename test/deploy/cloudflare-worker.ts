import { randomUUID } from 'node:crypto';

import { type Call, type Cloudflare, type Metadata, refusal, type Route } from './cloudflare-account.ts';

/** The routes of Cloudflare's API that are about a Worker: its code, secrets, assets and schedules. */

const NO_CHANGES = { added: [], removed: [], updated: [], conflicting: [] };
const NO_WORKER = refusal(404, 10007, 'This Worker does not exist on your account.');

export const workerRoutes = (cloud: Cloudflare): Route[] => {
  const ofWorker = (answer: (worker: NonNullable<Cloudflare['worker']>) => unknown) => () =>
    cloud.worker === undefined ? NO_WORKER : answer(cloud.worker);
  return [
    [
      'GET',
      /^\/workers\/scripts\/mushu-health\/secrets$/,
      ofWorker(({ secrets }) => Array.from(secrets.keys(), (name) => ({ name, type: 'secret_text' }))),
    ],
    [
      'PUT',
      /^\/workers\/scripts\/mushu-health\/secrets$/,
      ({ body }) => {
        const { name, text } = body() as { name: string; text: string };
        cloud.worker?.secrets.set(name, text);
        return { name, type: 'secret_text' };
      },
    ],
    [
      'GET',
      /^\/workers\/services\/mushu-health$/,
      ofWorker(() => ({
        default_environment: { environment: 'production', script: { last_deployed_from: 'wrangler' } },
      })),
    ],
    ['GET', /^\/workers\/scripts\/mushu-health\/deployments$/, ofWorker(() => ({ deployments: [] }))],
    ['GET', /^\/workers\/scripts\/mushu-health\/settings$/, ofWorker(({ bindings }) => ({ bindings }))],
    [
      'GET',
      /^\/workers\/subdomain$/,
      () => (cloud.subdomain === undefined ? refusal(404, 10007, 'no subdomain') : { subdomain: cloud.subdomain }),
    ],
    [
      'POST',
      /^\/workers\/scripts\/mushu-health\/assets-upload-session$/,
      ({ body }) => {
        const { manifest } = body() as { manifest: Record<string, { hash: string }> };
        const missing = Object.entries(manifest).filter(([path]) => !cloud.assets.has(path));
        for (const [path] of missing) cloud.assets.add(path);
        return { jwt: jwt(), buckets: [missing.map(([, { hash }]) => hash)] };
      },
    ],
    ['POST', /^\/workers\/assets\/upload$/, () => ({ jwt: jwt() })],
    // The first upload makes the Worker; later ones are versions, each of which is then deployed.
    ['PUT', /^\/workers\/scripts\/mushu-health$/, (call) => uploaded(cloud, call)],
    ['POST', /^\/workers\/scripts\/mushu-health\/versions$/, (call) => uploaded(cloud, call)],
    ['POST', /^\/workers\/scripts\/mushu-health\/deployments$/, ofWorker(() => ({ id: 'd' }))],
    ['PATCH', /^\/workers\/scripts\/mushu-health\/script-settings$/, ofWorker(() => ({}))],
    [
      'POST',
      /^\/workers\/scripts\/mushu-health\/subdomain$/,
      ofWorker(() => ({ enabled: true, previews_enabled: false })),
    ],
    ['GET', /^\/workers\/workers\/mushu-health$/, ofWorker(() => ({ subdomain: { enabled: true } }))],
    [
      'PUT',
      /^\/workers\/scripts\/mushu-health\/schedules$/,
      ({ body }) => {
        cloud.crons = (body() as { cron: string }[]).map(({ cron }) => cron);
        return { schedules: [] };
      },
    ],
    ['POST', /^\/workers\/scripts\/mushu-health\/domains\/changeset$/, ofWorker(() => NO_CHANGES)],
    [
      'PUT',
      /^\/workers\/scripts\/mushu-health\/domains\/records$/,
      ({ body }) => {
        const { origins } = body() as { origins: { hostname: string }[] };
        cloud.domains = origins.map(({ hostname }) => hostname);
        return [];
      },
    ],
  ];
};

/** A token as wrangler expects it of the upload of assets: three parts, of which it reads the middle one. */
const jwt = (): string => ['{}', '{}', ''].map((part) => Buffer.from(part).toString('base64url')).join('.');

/** Takes the code and its bindings. A secret is inherited where the upload asks for it and refused where there is none, as on Cloudflare. */
const uploaded = (cloud: Cloudflare, { raw, contentType }: Call): unknown => {
  const metadata = metadataOf(raw, contentType);
  const secrets = new Map(metadata.keep_bindings?.includes('secret_text') ? cloud.worker?.secrets : []);
  for (const { type, name, text } of metadata.bindings) {
    if (type === 'secret_text') secrets.set(name, text ?? '');
    if (type === 'inherit' && !cloud.worker?.secrets.has(name)) {
      return refusal(400, 10057, `inherit binding '${name}' is invalid`);
    }
  }
  cloud.worker = {
    secrets,
    placement: metadata.placement,
    bindings: metadata.bindings.filter(({ type }) => type !== 'secret_text'),
    uploads: [
      ...(cloud.worker?.uploads ?? []),
      metadata.bindings.flatMap(({ type, name }) => (type === 'secret_text' ? [name] : [])),
    ],
  };
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

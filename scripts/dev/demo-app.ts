import { once } from 'node:events';
/**
 * The demo app: a tenant of the local broker, created once, and the page that its users return to. The page does what a
 * real app's backend would do. It holds the API key, syncs once, and then shows the newest values as they come.
 */
import { createServer, type Server } from 'node:http';

import * as z from 'zod';

import { syncAll, type SyncAllOptions } from '../../src/client/connections.ts';
import type { Broker } from '../../src/client/send.ts';
import { userError } from '../user-error.ts';
import { LOCALHOST } from './ports.ts';
import { readJson, type State, writeJson } from './state.ts';

const DONE_PATH = '/withings/done';
/** The newest values again, without a sync: what Withings has pushed is there. */
const VALUES_PATH = '/withings/values';

/**
 * The demo app's redirect URIs: a phone's, a web site's, and a developer's machine's. The last one is valid with any
 * port (RFC 8252, 7.3).
 */
const PHONE_REDIRECT_URI = 'womoji://withings/success';
const DEMO_REDIRECT_URIS = [
  PHONE_REDIRECT_URI,
  'https://womoji.example/withings/done',
  `http://${LOCALHOST}${DONE_PATH}`,
];

const DEMO_USER = 'demo-user';
const REFRESH_SECONDS = 2;

const demoAppSchema = z.object({ id: z.string(), key: z.string() });
export type DemoApp = z.infer<typeof demoAppSchema>;

/** The demo app of this state folder, created by the management API if it does not exist. */
export const demoApp = async (state: State, workerUrl: string, operatorToken: string): Promise<DemoApp> => {
  const manage = async <Answer>(method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${workerUrl}${path}`, {
      method,
      headers: { Authorization: `Bearer ${operatorToken}`, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw userError(`The demo app could not be made: ${method} ${path}: ${await response.text()}`);
    return response.json<Answer>();
  };
  const kept = readJson(state, 'demo-app.json', demoAppSchema);
  if (kept !== undefined) {
    await manage('GET', `/apps/${kept.id}`);
    return kept;
  }
  const { id } = await manage<{ id: string }>('POST', '/apps', { name: 'Womoji (demo)' });
  await manage('PATCH', `/apps/${id}`, { allow_loopback: true });
  for (const uri of DEMO_REDIRECT_URIS) await manage('PUT', `/apps/${id}/redirect-uris`, { uri });
  const { key } = await manage<{ key: string }>('POST', `/apps/${id}/keys`, { name: 'demo backend' });
  writeJson(state, 'demo-app.json', { id, key });
  return { id, key };
};

/**
 * The link that connects the demo user. It ends on the demo app's page, or on the broker's where no browser reaches
 * that.
 */
export const authUrl = (workerUrl: string, app: DemoApp, redirectUri: string | undefined): string => {
  const query = new URLSearchParams({ user_id: DEMO_USER, redirect_uri: redirectUri ?? PHONE_REDIRECT_URI });
  if (redirectUri === undefined) query.set('ending', 'page');
  return `${workerUrl}/apps/${app.id}/withings/auth?${query.toString()}`;
};

/** A link that ends on the demo app's page and names its user there. */
const linkOf = (workerUrl: string, app: DemoApp, redirectUri: string, userId: string): string => {
  const query = new URLSearchParams({ user_id: userId, redirect_uri: redirectUri, state: userId });
  return `${workerUrl}/apps/${app.id}/withings/auth?${query.toString()}`;
};

/** Serves the page that the demo user returns to. Returns its redirect URI. */
export const serveDemoApp = async (
  port: number,
  workerUrl: string,
  app: DemoApp,
  listenOn: string,
): Promise<{ server: Server; redirectUri: string }> => {
  const redirectUri = `http://${LOCALHOST}:${port}${DONE_PATH}`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${LOCALHOST}:${port}`);
    if (url.pathname !== DONE_PATH && url.pathname !== VALUES_PATH) {
      response.writeHead(404).end();
      return;
    }
    // The link may name its user in `state`, as an app does to recognize its own link.
    const userId = url.searchParams.get('state') ?? DEMO_USER;
    const values = async () =>
      (url.pathname === DONE_PATH ? await notSynced(workerUrl, app, userId) : undefined) ??
      newestValues(workerUrl, app, userId);
    const failure = url.searchParams.get('error');
    const content = async () =>
      failure === null
        ? values()
        : notConnected(failure, url.searchParams.get('error_description'), linkOf(workerUrl, app, redirectUri, userId));
    content()
      .catch(() => '<h1>The broker did not answer</h1>')
      .then(
        (html) =>
          response
            .writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' })
            .end(page(html)),
        () => response.destroy(),
      );
  });
  server.listen(port, listenOn);
  await once(server, 'listening');
  return { server, redirectUri };
};

type Latest = { data: Record<string, { metric: string; value: number; unit: string; measured_at: string }> };

/** Syncs: why it could not, if so. The newest values come with the first answer, and the past is read behind it. */
const notSynced = async (workerUrl: string, app: DemoApp, userId: string): Promise<string | undefined> => {
  const synced = await firstAnswer({ url: workerUrl, credential: app.key }, app.id, userId);
  if (synced.ok) return undefined;
  const { failure } = synced;
  return `<h1>Not synced</h1><p>${escaped('detail' in failure ? failure.detail : failure.kind)}</p>`;
};

const newestValues = async (workerUrl: string, app: DemoApp, userId: string): Promise<string> => {
  const headers = { 'X-API-Key': app.key };
  const latest = await fetch(`${workerUrl}/apps/${app.id}/metrics/${encodeURIComponent(userId)}/latest`, { headers });
  const { data } = await latest.json<Latest>();
  const rows = Object.values(data).map(
    ({ metric, value, unit, measured_at: measuredAt }) =>
      `<tr><th scope="row">${escaped(metric)}</th><td>${value}</td><td>${escaped(unit)}</td><td>${escaped(measuredAt)}</td></tr>`,
  );
  const again = `${REFRESH_SECONDS}; url=${VALUES_PATH}?${new URLSearchParams({ state: userId }).toString()}`;
  return `<meta http-equiv="refresh" content="${escaped(again)}">
<h1>Connected</h1>
<p>This is the demo app, with the newest values of its user <code>${escaped(userId)}</code>. It reads them again every ${REFRESH_SECONDS} seconds and asks for no sync: a weigh-in comes by itself.</p>
<table><thead><tr><th scope="col">Metric</th><th scope="col">Value</th><th scope="col">Unit</th><th scope="col">Measured</th></tr></thead>
<tbody>${rows.join('')}</tbody></table>`;
};

/** Pulls everything; resolves with the first answer, or the failure. */
const firstAnswer = (broker: Broker, appId: string, userId: string): ReturnType<typeof syncAll> =>
  new Promise((resolve, reject) => {
    const headers = new Headers();
    const onProgress: SyncAllOptions['onProgress'] = (value) => resolve({ ok: true, status: 202, value, headers });
    syncAll(broker, appId, userId, { onProgress }).then(resolve, reject);
  });

/** @param again the link that the user was sent through */
const notConnected = (code: string, description: string | null, again: string): string =>
  `<h1>Not connected</h1>
${description === null ? '' : `<p>${escaped(description)}</p>`}
<p>The broker sent the user back with the error <code>${escaped(code)}</code>. <a href="${escaped(again)}">Try again</a></p>`;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const page = (content: string): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Womoji (demo)</title>
<style>
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 44rem; margin: 0 auto; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.4rem 0.5rem; border-bottom: 1px solid #8884; text-align: left; overflow-wrap: anywhere; }
</style>
${content}
</html>`;

import { env } from 'cloudflare:workers';
import { beforeAll, expect, test } from 'vitest';

import { type Broker, connect, makeApp, ORIGIN, startBroker, type TestApp, WOMOJI } from '../support/broker.ts';
import { type DashboardBrowser, dashboardBrowser, formToken } from '../support/dashboard.ts';
import { type Developer, makeDeveloper } from '../support/developer.ts';
import { ROUTES } from '../support/routes.ts';

/**
 * One developer's token, and their session at the dashboard, against another's app and the operator's realm, by every
 * route and form there is. A route that is not here is tried all the same: the tables only say what a request needs to
 * be well formed, which routes are for anybody, and which are a developer's own.
 */
const BODIES: Record<string, unknown> = {
  'PATCH /apps/:app_id': { name: 'Mine now' },
  'POST /apps/:app_id/keys': { name: 'mine' },
  'PUT /apps/:app_id/redirect-uris': { uri: 'https://eve.example.com/' },
  'POST /apps/:app_id/withings/user-tokens': { user_id: 'ada' },
  'POST /apps/:app_id/withings/connect-sessions': { user_id: 'ada', redirect_uri: WOMOJI },
  'POST /accounts': { name: 'Mine' },
  'PATCH /accounts/:account_id': { disabled: true },
  'POST /accounts/:account_id/tokens': { name: 'mine' },
  'POST /apps/:app_id/withings/confirm': { ticket: `mushu_ticket_${'0'.repeat(72)}`, user_id: 'ada' },
};
const QUERIES: Record<string, string> = {
  'DELETE /apps/:app_id/redirect-uris': `?uri=${encodeURIComponent(WOMOJI)}`,
  'GET /apps/:app_id/redirect-uris/test': `?uri=${encodeURIComponent(WOMOJI)}`,
};
/** Asked without a credential. */
const FOR_ANYBODY = new Set([
  'GET /apps/:app_id/withings/auth',
  'GET /withings/callback',
  'GET /withings/notify/:secret',
  'POST /withings/notify/:secret',
  'GET /healthz',
]);
/** A developer's own, which say nothing of others: a new one is added here by hand, on purpose. */
const OWN = new Set([
  'GET /whoami',
  'GET /tokens',
  'POST /tokens',
  'DELETE /tokens/:token_id',
  'GET /apps',
  'POST /apps',
  'GET /dashboard',
  'GET /dashboard/',
  'GET /dashboard/sign-in',
  'POST /dashboard/sign-in',
  'POST /dashboard/sign-out',
  'POST /dashboard/sign-out-everywhere',
  'GET /dashboard/apps',
  'POST /dashboard/apps',
  'GET /dashboard/account',
  'POST /dashboard/account/tokens',
  'POST /dashboard/account/tokens/:token_id/revoke',
  'GET /dashboard/audit',
  // Forms' URLs, which lead to their pages.
  'GET /dashboard/sign-out',
  'GET /dashboard/sign-out-everywhere',
  'GET /dashboard/account/tokens',
  'GET /dashboard/account/tokens/:token_id/revoke',
  'GET /audit',
]);
const PAGES = /^\/dashboard(\/|$)/;

const routes = [
  ...new Set(
    ROUTES.filter(({ method }) => method !== 'ALL' && method !== 'OPTIONS').map(
      ({ method, path }) => `${method} ${path}`,
    ),
  ),
].filter((route) => !FOR_ANYBODY.has(route) && !OWN.has(route));
const isPage = (route: string): boolean => PAGES.test(route.split(' ')[1] ?? '');
const apiRoutes = routes.filter((route) => route.includes(':app_id') && !isPage(route));
const pages = routes.filter((route) => route.includes(':app_id') && isPage(route));
const operatorRoutes = routes.filter((route) => !route.includes(':app_id') && !isPage(route));
const operatorPages = routes.filter((route) => !route.includes(':app_id') && isPage(route));

let broker: Broker;
let app: TestApp;
let ada: Developer;
let eve: Developer;
let evesBrowser: DashboardBrowser;
let evesFormToken: string;
let keyId: string;
let webhookId: string;

beforeAll(async () => {
  broker = await startBroker();
  ada = await makeDeveloper(broker);
  eve = await makeDeveloper(broker);
  app = await makeApp(broker, 'Of Ada', ada.accountId);
  const [person] = broker.simulator.state.people.list();
  await connect(broker, app, 'ada', person?.id ?? '');
  await app.call('POST', '/withings/sync/ada');
  const { data } = await (await ada.call('GET', `/apps/${app.id}/keys`)).json<{ data: { id: string }[] }>();
  keyId = data[0]?.id ?? '';
  const hook = await ada.call('POST', `/apps/${app.id}/webhooks`, { url: 'https://ada.example.com/' });
  webhookId = (await hook.json<{ id: string }>()).id;
  evesBrowser = dashboardBrowser(broker);
  evesFormToken = formToken((await evesBrowser.signIn(eve.token)).html);
  const { id } = await (await eve.call('POST', '/apps', { name: 'Of Eve' })).json<{ id: string }>();
  expect((await evesBrowser.get(`/dashboard/apps/${id}`)).status).toBe(200);
});

/** Enough for every form of the dashboard to be well formed. */
const FIELDS: [string, string][] = [
  ['name', 'Mine now'],
  ['uri', 'https://eve.example.com/'],
  ['confirmation', 'ada'],
  ['link_policy', 'open'],
  ['scopes', 'read'],
  ['expires_in_days', '90'],
  ['user_id', 'ada'],
  ['redirect_uri', WOMOJI],
  ['url', 'https://eve.example.com/'],
  ['events', 'user.erased'],
  ['payload', 'thin'],
  ['description', 'Mine now'],
  ['sequence', '1'],
];

/** Opens a page, or sends a form, as the developer who is signed in and comes from a page of ours. */
const visit = async (route: string, path: string): Promise<Response> => {
  if (route.startsWith('GET ')) return evesBrowser.send(path);
  const headers = { Origin: ORIGIN, 'Sec-Fetch-Site': 'same-origin' };
  return evesBrowser.postRaw(path, [['form_token', evesFormToken], ...FIELDS], headers);
};

const pathOf = (route: string, appId: string): string =>
  `${(route.split(' ')[1] ?? '')
    .replace(':app_id', appId)
    .replace(':user_id', 'ada')
    .replace(':key_id', keyId)
    .replace(':account_id', ada.accountId)
    .replace(':token_id', ada.tokenId)
    .replace(':webhook_id', webhookId)
    .replace(/:\w+/g, 'x')}${QUERIES[route] ?? ''}`;

const everything = async (): Promise<string> => {
  const tables = [
    'apps',
    'api_keys',
    'redirect_uris',
    'connections',
    'pending_connections',
    'measurements',
    'audit_entries',
    'accounts',
    'access_tokens',
    'events',
    'webhook_endpoints',
    'webhook_retries',
  ];
  const rows = await env.DB.batch(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`)));
  return JSON.stringify(rows.map(({ results }) => results)).replaceAll(/"last_used_at":\d+/g, '"last_used_at":null');
};

test('the table is about routes that there are', () => {
  expect(apiRoutes.length).toBeGreaterThan(20);
  expect(pages.length).toBeGreaterThan(15);
  const every = ROUTES.map(({ method, path }) => `${method} ${path}`);
  for (const route of [...Object.keys(BODIES), ...Object.keys(QUERIES), ...FOR_ANYBODY, ...OWN]) {
    expect(every).toContain(route);
  }
});

test.each(apiRoutes)("a developer's token finds nobody else's app by %s", async (route) => {
  const method = route.split(' ')[0] ?? '';
  const before = await everything();
  const body = BODIES[route];
  const answers = [];
  for (const appId of [app.id, 'app_00000000000000000000']) {
    const answer = await eve.call(method, pathOf(route, appId), body);
    const { status, code, detail } = await answer.json<{ status: number; code: string; detail: string }>();
    answers.push({ status, code, detail });
  }
  expect(answers[0]).toMatchObject({ status: 404, code: 'app_not_found' });
  // No word distinguishes another developer's app from none.
  expect(answers[0]).toEqual(answers[1]);
  expect(await everything()).toBe(before);
});

test.each(pages)("a developer who is signed in finds nobody else's app by %s, and changes nothing", async (route) => {
  const before = await everything();
  const answers = [];
  for (const appId of [app.id, 'app_00000000000000000000']) {
    const answer = await visit(route, pathOf(route, appId));
    const html = (await answer.text())
      .replaceAll(appId, 'app')
      .replaceAll(answer.headers.get('X-Request-Id') ?? '', '');
    answers.push({ status: answer.status, html });
  }
  expect(answers[0]?.status).toBe(404);
  expect(answers[0]).toEqual(answers[1]);
  expect(await everything()).toBe(before);
});

test.each(operatorRoutes)("a developer's token does nothing of the operator's by %s", async (route) => {
  const before = await everything();
  const answer = await eve.call(route.split(' ')[0] ?? '', pathOf(route, app.id), BODIES[route]);
  expect(await answer.json()).toMatchObject({ status: 403, code: 'operator_only' });
  expect(await everything()).toBe(before);
});

test.each(operatorPages)("a developer who is signed in does nothing of the operator's by %s", async (route) => {
  const before = await everything();
  const answer = await visit(route, pathOf(route, app.id));
  expect(answer.status).toBe(404);
  expect(await answer.text()).not.toContain(ada.accountId);
  expect(await everything()).toBe(before);
});

test("what a developer may ask for shows nothing of another's, and ends none of their tokens", async () => {
  for (const route of [...OWN].filter((route) => route.startsWith('GET '))) {
    const isPage = PAGES.test(route.split(' ')[1] ?? '');
    const answer = isPage ? await visit(route, pathOf(route, app.id)) : await eve.call('GET', pathOf(route, app.id));
    const text = await answer.text();
    for (const theirs of [app.id, 'Of Ada', ada.accountId, ada.tokenId]) expect(text, route).not.toContain(theirs);
  }
  const before = await everything();
  expect((await eve.call('DELETE', `/tokens/${ada.tokenId}`)).status).toBe(404);
  expect((await visit('POST x', `/dashboard/account/tokens/${ada.tokenId}/revoke`)).status).toBe(404);
  expect(await everything()).toBe(before);
  expect((await ada.call('GET', '/whoami')).status).toBe(200);
});

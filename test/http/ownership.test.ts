import { env } from 'cloudflare:workers';
import { beforeAll, expect, test } from 'vitest';

import { http } from '../../src/http/app.ts';
import { type Broker, connect, makeApp, startBroker, type TestApp, WOMOJI } from '../support/broker.ts';
import { type Developer, makeDeveloper } from '../support/developer.ts';

/**
 * One developer's token against another's app, by every route there is. A route that names an app and is not here is tried all the same:
 * the table only says what a request needs to be well formed, and which routes are for anybody.
 */
const BODIES: Record<string, unknown> = {
  'PATCH /apps/:app_id': { name: 'Mine now' },
  'POST /apps/:app_id/keys': { name: 'mine' },
  'PUT /apps/:app_id/redirect-uris': { uri: 'https://eve.example.com/' },
  'POST /apps/:app_id/withings/user-tokens': { user_id: 'ada' },
  'POST /apps/:app_id/withings/connect-sessions': { user_id: 'ada', redirect_uri: WOMOJI },
  'POST /apps/:app_id/withings/confirm': { ticket: `mushu_ticket_${'0'.repeat(72)}`, user_id: 'ada' },
};
const QUERIES: Record<string, string> = {
  'DELETE /apps/:app_id/redirect-uris': `?uri=${encodeURIComponent(WOMOJI)}`,
  'GET /apps/:app_id/redirect-uris/test': `?uri=${encodeURIComponent(WOMOJI)}`,
};
/** Opened by a user's browser, without a credential. */
const FOR_ANYBODY = new Set(['GET /apps/:app_id/withings/auth']);
const PAGES = /^\/dashboard\//;

const routes = [
  ...new Set(
    http.routes
      .filter(({ method, path }) => method !== 'ALL' && method !== 'OPTIONS' && path.includes(':app_id'))
      .map(({ method, path }) => `${method} ${path}`),
  ),
].filter((route) => !FOR_ANYBODY.has(route));
const apiRoutes = routes.filter((route) => !PAGES.test(route.split(' ')[1] ?? ''));
const pages = routes.filter((route) => !apiRoutes.includes(route));

let broker: Broker;
let app: TestApp;
let eve: Developer;
let keyId: string;

beforeAll(async () => {
  broker = await startBroker();
  const ada = await makeDeveloper(broker);
  eve = await makeDeveloper(broker);
  app = await makeApp(broker, 'Of Ada', ada.accountId);
  const [person] = broker.simulator.state.people.list();
  await connect(broker, app, 'ada', person?.id ?? '');
  await app.call('POST', '/withings/sync/ada');
  const { data } = await (await ada.call('GET', `/apps/${app.id}/keys`)).json<{ data: { id: string }[] }>();
  keyId = data[0]?.id ?? '';
});

const pathOf = (route: string, appId: string): string =>
  `${(route.split(' ')[1] ?? '')
    .replace(':app_id', appId)
    .replace(':user_id', 'ada')
    .replace(':key_id', keyId)
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
  ];
  const rows = await env.DB.batch(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`)));
  return JSON.stringify(rows.map(({ results }) => results));
};

test('the table is about routes that there are', () => {
  expect(apiRoutes.length).toBeGreaterThan(20);
  for (const route of [...Object.keys(BODIES), ...Object.keys(QUERIES), ...FOR_ANYBODY]) {
    expect([...routes, ...FOR_ANYBODY]).toContain(route);
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
  // Not even a word tells an app of somebody else's from none.
  expect(answers[0]).toEqual(answers[1]);
  expect(await everything()).toBe(before);
});

test('a developer who is signed in to the dashboard finds no page of an app of somebody else', async () => {
  const form = await broker.request('/dashboard/sign-in');
  const visitor = form.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  const token = /name="form_token" value="([^"]+)"/.exec(await form.text())?.[1] ?? '';
  const signedIn = await broker.request('/dashboard/sign-in', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Origin: 'https://broker.example.com',
      Cookie: visitor.join('; '),
    },
    body: new URLSearchParams({ form_token: token, token: eve.token }).toString(),
  });
  const session =
    signedIn.headers
      .getSetCookie()
      .find((cookie) => cookie.includes('session'))
      ?.split(';')[0] ?? '';
  expect(session).not.toBe('');
  const own = await eve.call('POST', '/apps', { name: 'Of Eve' });
  const { id } = await own.json<{ id: string }>();
  expect((await broker.request(`/dashboard/apps/${id}`, { headers: { Cookie: session } })).status).toBe(200);
  for (const route of pages.filter((route) => route.startsWith('GET '))) {
    const page = await broker.request(pathOf(route, app.id), { headers: { Cookie: session } });
    expect(page.status, route).toBe(404);
    expect(await page.text()).not.toContain('Of Ada');
  }
});

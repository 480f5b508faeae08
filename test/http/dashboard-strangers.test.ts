import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { dashboard } from '../../src/http/dashboard/app.tsx';
import { type Broker, emptyTables, makeApp, ORIGIN, startBroker, type TestApp } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import { type DashboardBrowser, dashboardBrowser, formToken } from '../support/dashboard.ts';
import { makeDeveloper } from '../support/developer.ts';

/** What ends a developer's session, and what a developer never sees. */

let broker: Broker;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
});

describe('a session of a developer', () => {
  test('ends when the token that it signed in with is revoked', async () => {
    const { accountId, tokenId, token } = await makeDeveloper(broker);
    const theirs = dashboardBrowser(broker);
    await theirs.signIn(token);
    expect((await theirs.get('/dashboard/account')).html).toContain(accountId);
    await broker.manage('DELETE', `/accounts/${accountId}/tokens/${tokenId}`);
    expect((await theirs.get('/dashboard/account')).path).toContain('/dashboard/sign-in');
    expect((await theirs.signIn(token)).status).toBe(401);
  });

  test('ends when the token expires or the account is disabled', async () => {
    const brief = await makeDeveloper(broker, { expires_in_days: 1 });
    const disabled = await makeDeveloper(broker);
    const [one, other] = [dashboardBrowser(broker), dashboardBrowser(broker)];
    broker.advance(24 * 60 * 60 * 1000 - 1);
    await one.signIn(brief.token);
    await other.signIn(disabled.token);
    expect((await one.get('/dashboard/apps')).status).toBe(200);
    broker.advance(1);
    expect((await one.get('/dashboard/apps')).path).toContain('/dashboard/sign-in');
    expect((await other.get('/dashboard/apps')).path).toBe('/dashboard/apps');
    await broker.manage('PATCH', `/accounts/${disabled.accountId}`, { disabled: true });
    expect((await other.get('/dashboard/apps')).path).toContain('/dashboard/sign-in');
  });
});

describe("another developer's app", () => {
  /** Every route below an app, by the router, filled in with what is there. */
  const routesOf = (method: 'GET' | 'POST'): string[] =>
    dashboard.routes
      .filter((route) => route.method === method && route.path.startsWith('/apps/:app_id'))
      .map(({ path }) =>
        path.replace('/apps/:app_id', '').replace(':user_id', 'ada').replace(':key_id', 'key_1').replace(/\/$/, ''),
      );
  const PAGES = routesOf('GET');
  const FORMS = routesOf('POST');
  let app: TestApp;
  let stranger: DashboardBrowser;

  beforeEach(async () => {
    app = await makeApp(broker, 'Operator’s own');
    await connectAda(broker, app);
    const { token } = await makeDeveloper(broker);
    stranger = dashboardBrowser(broker);
    await stranger.signIn(token);
  });

  test('is on no page: the same answer as for an app that does not exist', async () => {
    expect(PAGES).toEqual(expect.arrayContaining(['', '/users/ada', '/audit']));
    expect((await stranger.get('/dashboard/apps')).html).not.toContain(app.id);
    for (const path of PAGES) {
      const [theirs, none] = [
        await stranger.get(`/dashboard/apps/${app.id}${path}`),
        await stranger.get(`/dashboard/apps/app_none${path}`),
      ];
      expect([theirs.status, none.status], path).toEqual([404, 404]);
      expect(theirs.html, path).not.toContain('Operator’s own');
    }
  });

  test('is changed by no form', async () => {
    expect(FORMS).toEqual(
      expect.arrayContaining(['/delete', '/users/ada/erase', '/keys/settings', '/keys/revoke/key_1']),
    );
    const token = formToken((await stranger.get('/dashboard/apps')).html);
    const state = async () =>
      JSON.stringify(
        await env.DB.batch(
          ['apps', 'api_keys', 'redirect_uris', 'connections'].map((table) => env.DB.prepare(`SELECT * FROM ${table}`)),
        ).then((all) => all.map(({ results }) => results)),
      );
    const before = await state();
    for (const path of FORMS) {
      const answer = await stranger.postRaw(
        `/dashboard/apps/${app.id}${path}`,
        [
          ['form_token', token],
          ['name', 'Mine'],
          ['uri', 'mine://x/y'],
          ['confirmation', 'ada'],
          ['link_policy', 'open'],
        ],
        { Origin: ORIGIN },
      );
      expect(answer.status, path).toBe(404);
    }
    expect(await state()).toBe(before);
  });

  test('nor is what belongs to the operator', async () => {
    const { accountId } = await makeDeveloper(broker);
    for (const path of ['/broker', '/developers', `/developers/${accountId}`]) {
      expect((await stranger.get(`/dashboard${path}`)).status, path).toBe(404);
    }
    const trail = (await stranger.get('/dashboard/audit')).html;
    expect(trail).toContain('Account created');
    for (const theirs of [accountId, app.id]) expect(trail).not.toContain(theirs);
    const token = formToken((await stranger.get('/dashboard/apps')).html);
    for (const path of ['/developers', `/developers/${accountId}/tokens`, `/developers/${accountId}/disable`]) {
      const fields: [string, string][] = [
        ['form_token', token],
        ['name', 'x'],
        ['expires_in_days', '90'],
      ];
      expect((await stranger.postRaw(`/dashboard${path}`, fields, { Origin: ORIGIN })).status, path).toBe(404);
    }
    expect(await env.DB.prepare('SELECT count(*) AS n FROM accounts').first('n')).toBe(2);
  });
});

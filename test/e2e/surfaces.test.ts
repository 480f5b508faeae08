import { beforeAll, describe, expect, test } from 'vitest';

import { dashboardBrowser } from '../support/dashboard.ts';
import { asApp, send, walk, WOMOJI } from './client.ts';
import { newMushu } from './mushu.ts';
import { ready } from './shared.ts';

/** The API, the command line and the dashboard over one broker: what one changes the others show at once. */

const mushu = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await newMushu().run(args, { MUSHU_URL: ready.url, MUSHU_TOKEN: ready.admin_token });
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
};

const api = (method: string, path: string, body?: object): Promise<Response> =>
  send(ready.url + path, {
    method,
    headers: {
      Authorization: `Bearer ${ready.admin_token}`,
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

const browser = dashboardBrowser({ origin: ready.url, request: (path, init) => send(ready.url + path, init) });

/** An app of this file's own, so that its trail holds nothing else. */
const makeApp = async () => {
  const { id } = (await (await api('POST', '/apps', { name: 'Surfaces' })).json()) as { id: string };
  await api('PUT', `/apps/${id}/redirect-uris`, { uri: WOMOJI });
  const { key } = (await (await api('POST', `/apps/${id}/keys`, { name: 'backend' })).json()) as { key: string };
  return { ...ready, app_id: id, api_key: key };
};

/** A page as a person reads it: its text, without markup. */
const read = async (path: string): Promise<string> =>
  (await browser.get(path)).html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');

beforeAll(async () => {
  await browser.signIn(ready.admin_token);
});

describe('what one surface changes', () => {
  test('the others show at once: apps, redirect URIs and settings', async () => {
    const { id } = JSON.parse(await mushu('apps', 'create', 'Made by CLI', '--json')) as { id: string };
    const path = `/dashboard/apps/${id}`;
    expect(await read('/dashboard/apps')).toContain('Made by CLI');

    await browser.submit(path, `${path}/name`, { name: 'Named by dashboard' });
    expect(await (await api('GET', `/apps/${id}`)).json()).toMatchObject({ name: 'Named by dashboard' });
    expect(await mushu('apps', 'list')).toContain('Named by dashboard');

    await api('PUT', `/apps/${id}/redirect-uris`, { uri: 'com.example.api:/done' });
    await browser.submit(`${path}/health`, `${path}/health/redirect-uris`, { uri: 'com.example.page:/done' });
    await mushu('health', 'redirect-uri', 'add', 'com.example.cli:/done', '--app', id);
    const shown = [
      await read(`${path}/health`),
      await mushu('health', 'redirect-uri', 'list', '--app', id),
      await (await api('GET', `/apps/${id}/redirect-uris`)).text(),
    ];
    for (const by of ['api', 'page', 'cli']) {
      for (const text of shown) expect(text).toContain(`com.example.${by}:/done`);
    }
  });

  test('is in the audit trail of each, with who did it and through which', async () => {
    const users = { API: 'surfaces-api', CLI: 'surfaces-cli', Dashboard: 'surfaces-page' };
    const app = await makeApp();
    for (const userId of Object.values(users)) await walk(app, { userId });
    const path = `/dashboard/apps/${app.app_id}`;
    await asApp(app, 'DELETE', `/withings/disconnect/${users.API}`);
    await mushu('health', 'disconnect', users.CLI, '--app', app.app_id);
    const onPage = `${path}/users/${users.Dashboard}`;
    await browser.submit(onPage, `${onPage}/disconnect`);
    await browser.submit(onPage, `${onPage}/erase`, { confirmation: users.Dashboard });
    for (const userId of [users.API, users.CLI]) {
      expect(await (await asApp(app, 'GET', `/withings/status/${userId}`)).json()).toEqual({ connected: false });
      expect(await read(`${path}/users/${userId}`)).toContain('Disconnected');
    }

    type Trail = { data: { action: string; actor: string; surface: string; subject: string }[] };
    const { data } = (await (await api('GET', `/apps/${app.app_id}/audit`)).json()) as Trail;
    const trail = data.slice(0, 4).map(({ action, actor, surface }) => [action, actor.replace(/_.*/, ''), surface]);
    expect(trail).toEqual([
      ['user.erased', 'operator', 'dashboard'],
      ['user.disconnected', 'operator', 'dashboard'],
      ['user.disconnected', 'operator', 'cli'],
      ['user.disconnected', 'key', 'api'],
    ]);
    const [page, listed] = [await read(`${path}/audit`), await mushu('audit', '--app', app.app_id, '--limit', '4')];
    expect(page).toMatch(/User erased .*connections: 1 .* user_\w+ Operator Dashboard/);
    for (const [who, surface] of [
      ['Operator', 'Dashboard'],
      ['Operator', 'CLI'],
      ['key_\\w+', 'API'],
    ]) {
      expect(page).toMatch(new RegExp(`User disconnected user_\\w+ ${who} ${surface} `));
    }
    for (const { subject, surface, actor } of data.slice(0, 4)) {
      expect(listed).toMatch(new RegExp(`${actor} +${surface} +user\\.\\w+ +${subject}`));
    }
  });
});

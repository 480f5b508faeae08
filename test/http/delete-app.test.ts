import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { authPath, connect, WOMOJI } from '../support/broker.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { connectionIds, type Erasing, rowsWith, startErasing } from '../support/erasing.ts';
import { addPerson } from '../support/people.ts';

let erasing: Erasing;
beforeEach(async () => {
  erasing = await startErasing();
});

/** The share's next request is further away than a call waits. */
const useUpShare = () =>
  env.DB.prepare("INSERT OR REPLACE INTO request_budgets (name, empty_at) VALUES ('other', ?)")
    .bind(erasing.broker.now() + 120_000)
    .run();

describe('deleting an app', () => {
  test('takes bounded calls, lets nothing flow meanwhile, and leaves nothing but the audit trail', async () => {
    for (let user = 0; user < 7; user += 1) await erasing.link(`user-${user}`, user % 3);
    const first = await erasing.broker.manage('DELETE', `/apps/${erasing.app.id}`);
    expect(first.status).toBe(202);
    expect((await erasing.app.call('GET', '/withings/status/user-6')).status).toBe(403);
    expect((await erasing.broker.manage('DELETE', `/apps/${erasing.app.id}`)).status).toBe(204);
    expect((await erasing.broker.manage('DELETE', `/apps/${erasing.app.id}`)).status).toBe(404);
    expect((await erasing.app.call('GET', '/withings/status/user-6')).status).toBe(401);
    const left = (await rowsWith(erasing.app.id)).filter((row) => !row.startsWith('audit_entries'));
    expect(left).toEqual([]);
    const { data } = await (
      await erasing.broker.manage('GET', '/audit')
    ).json<{ data: { action: string; app_id: string }[] }>();
    expect(data).toContainEqual(expect.objectContaining({ action: 'app.deleted', app_id: erasing.app.id }));
  });

  test('revokes the authorization of everybody, however few requests Withings’ share has', async () => {
    const people = Array.from({ length: 9 }, (_, at) => addPerson(erasing.broker, `person-${at}`));
    for (const [at, { id }] of people.entries()) await connect(erasing.broker, erasing.app, `user-${at}`, id);
    await useUpShare();
    expect((await erasing.broker.manage('DELETE', `/apps/${erasing.app.id}`)).status).toBe(202);
    expect(erasing.revocations).toEqual([]);
    expect(await connectionIds('user-0')).toHaveLength(1);
    erasing.broker.advance(60_000);
    let status = 202;
    for (let calls = 0; status === 202 && calls < 20; calls += 1) {
      const begun = erasing.broker.now();
      ({ status } = await erasing.broker.manage('DELETE', `/apps/${erasing.app.id}`));
      // `mushu` waits a minute for an answer.
      expect(erasing.broker.now() - begun).toBeLessThanOrEqual(40_000);
    }
    expect(status).toBe(204);
    expect(erasing.revocations.toSorted()).toEqual(people.map(({ userid }) => String(userid)).toSorted());
  });

  test.each([
    ['open', 'linked before'],
    ['open', 'new'],
    ['confirm', 'new'],
  ])('while a link under %s is on its way for a user who is %s leaves nothing behind either', async (policy, user) => {
    if (user === 'linked before') await erasing.link('ada', 0);
    await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { link_policy: policy });
    let deletions = 0;
    erasing.onceAnswering(async () => {
      for (let status = 202; status === 202; deletions += 1) {
        ({ status } = await erasing.broker.manage('DELETE', `/apps/${erasing.app.id}`));
      }
    });
    const callback = await connect(erasing.broker, erasing.app, 'ada', erasing.people[0]?.id ?? '');
    expect(deletions).toBeGreaterThan(0);
    expect(callback.headers.get('Location')).toMatch(/^womoji:.*\?error=temporarily_unavailable/);
    expect((await rowsWith(erasing.app.id)).filter((row) => !row.startsWith('audit_entries'))).toEqual([]);
    expect(await rowsWith('"ada"')).toEqual([]);
  });

  test('a disabled app: nothing flows, and the cron sends nothing for it', async () => {
    await erasing.link('ada', 0);
    await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { disabled: true });
    erasing.broker.advance(3 * 60 * 60_000);
    // All that the cron does is due: a refresh, a sync to go on with, the review of an older window.
    await env.DB.prepare('UPDATE connections SET sync_resume_at = 1, next_review_at = 1, last_used_at = ?')
      .bind(erasing.broker.now())
      .run();
    const calls = erasing.broker.simulator.state.calls.list().length;
    await erasing.broker.tick();
    expect(erasing.broker.simulator.state.calls.list()).toHaveLength(calls);
    for (const [method, path] of [
      ['POST', '/withings/sync/ada'],
      ['GET', '/metrics/ada'],
      ['GET', '/metrics/ada/daily'],
      ['GET', '/changes'],
      ['GET', '/withings/status/ada'],
      ['GET', '/withings/connections/ada'],
    ] as const) {
      expect((await erasing.app.call(method, path)).status, path).toBe(403);
      const managed = await erasing.broker.manage(method, `/apps/${erasing.app.id}${path}`);
      expect(await managed.json(), path).toMatchObject({ status: 403, code: 'app_disabled' });
    }
    for (const path of ['user-tokens', 'connect-sessions', 'confirm']) {
      const body = { user_id: 'ada', redirect_uri: WOMOJI, ticket: 'x' };
      expect((await erasing.app.call('POST', `/withings/${path}`, body)).status, path).toBe(403);
    }
    expect((await erasing.broker.request(authPath(erasing.app, 'ada'))).status).toBe(403);
    await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { disabled: false });
    expect((await erasing.app.call('POST', '/withings/sync/ada')).status).toBe(200);
  });

  test('a disabled app: nothing flows through the dashboard either, which still disconnects and erases', async () => {
    await erasing.link('ada', 0);
    const redirect = await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { link_policy: 'session' });
    expect(redirect.status).toBe(200);
    const browser = dashboardBrowser(erasing.broker);
    await browser.signIn(erasing.broker.operatorToken);
    const page = `/dashboard/apps/${erasing.app.id}/users/ada`;
    const before = (await browser.get(page)).html;
    expect(before).toContain('<svg');
    await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { disabled: true });
    const calls = erasing.broker.simulator.state.calls.list().length;
    erasing.broker.advance(60_000);
    const shown = await browser.get(page);
    expect(shown.status).toBe(200);
    expect(shown.html).not.toContain('<svg');
    expect(shown.html).not.toContain(`${page}/sync`);
    const synced = await browser.submitFrom(before, `${page}/sync`);
    expect(synced.status).toBe(409);
    expect(synced.html).toContain('This app is disabled');
    const tried = await browser.submit(
      `/dashboard/apps/${erasing.app.id}/health`,
      `/dashboard/apps/${erasing.app.id}/health/try`,
      {
        uri: WOMOJI,
      },
    );
    expect(tried.status).toBe(403);
    expect(erasing.broker.simulator.state.calls.list()).toHaveLength(calls);

    await browser.submit(page, `${page}/disconnect`);
    expect((await browser.get(page)).html).toContain('Disconnected');
    await browser.submit(page, `${page}/erase`, { confirmation: 'ada' });
    expect(await rowsWith('"ada"')).toEqual([]);
  });

  test.each(['app key', 'access token', 'user token'])(
    'a disabled app: what a person has a right to goes on by %s',
    async (credential) => {
      for (const [person, userId] of ['ada', 'bob'].entries()) await erasing.link(userId, person);
      const token = await erasing.app.userToken('ada');
      await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { disabled: true });
      const value =
        { 'app key': erasing.app.key, 'access token': erasing.broker.operatorToken, 'user token': token }[credential] ??
        '';
      const ask = (method: string, path: string) =>
        erasing.broker.request(`/apps/${erasing.app.id}${path}`, {
          method,
          headers: { Authorization: `Bearer ${value}` },
        });
      expect(await (await ask('DELETE', '/withings/disconnect/ada')).json()).toEqual({ connected: false });
      const state = await env.DB.prepare(`SELECT state FROM connections WHERE user_id = 'ada'`).first<string>('state');
      expect(state).toBe('disconnected');
      if (credential === 'user token') {
        expect((await ask('GET', '/withings/status/ada')).status).toBe(403);
        return;
      }
      const exported = await (await ask('GET', '/users/bob/export')).json<{ groups: unknown[] }>();
      expect(exported.groups.length).toBeGreaterThan(3);
      expect(await (await ask('DELETE', '/users/bob')).json()).toMatchObject({ complete: true });
      expect(await rowsWith('"bob"')).toEqual([]);
    },
  );
});

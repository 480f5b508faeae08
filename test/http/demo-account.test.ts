import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { showOverview } from '../../src/broker/apps/app-overview.ts';
import { showBrokerHealth } from '../../src/broker/operator/operator-report.ts';
import { showResources } from '../../src/broker/operator/show-resources.ts';
import { appGlances } from '../../src/store/apps/glances.ts';
import { workDue } from '../../src/store/operator/work-due.ts';
import { authPath, makeApp, WOMOJI } from '../support/broker.ts';
import { dashboardBrowser } from '../support/dashboard.ts';
import { type DemoWorld, startDemo } from '../support/demo-account.ts';
import { rowsWith } from '../support/erasing.ts';
import { meterKv } from '../support/meters.ts';

/**
 * `demo_account`: links lead to Withings' demo account (`mode=demo`). It is one account for all who test with it, and
 * its data is invented.
 */

let world: DemoWorld;
beforeEach(async () => {
  world = await startDemo();
});

describe('where links lead', () => {
  const modeOf = (url: string) => new URL(url).searchParams.getAll('mode');

  test('by default to the person’s own account, whatever the link says', async () => {
    expect(modeOf((await world.begin(`${authPath(world.app, 'ada')}&mode=demo`)).authorizeUrl)).toEqual([]);
    expect(await world.link('ada')).toBe(WOMOJI);
    expect(await world.shown('ada')).toMatchObject({ state: 'active', demo: false });
  });

  test('to the demo account once the app says so, which is audited; connect sessions and the log-out too', async () => {
    await world.set({ demo_account: true });
    expect(await (await world.broker.manage('GET', `/apps/${world.app.id}`)).json()).toMatchObject({
      demo_account: true,
    });
    const audit = await (await world.broker.manage('GET', `/apps/${world.app.id}/audit`)).json<{ data: object[] }>();
    expect(audit.data).toContainEqual(
      expect.objectContaining({ action: 'app.changed', detail: { demo_account: true } }),
    );
    expect(modeOf((await world.begin(authPath(world.app, 'ada'))).authorizeUrl)).toEqual(['demo']);
    expect(modeOf((await world.begin(await world.app.sessionLink('ada'))).authorizeUrl)).toEqual(['demo']);
    const logOut = new URL((await world.begin(`${authPath(world.app, 'ada')}&account=switch`)).authorizeUrl);
    expect(modeOf(logOut.searchParams.get('r') ?? '')).toEqual(['demo']);
    const other = await makeApp(world.broker, 'Other');
    expect(modeOf((await world.begin(authPath(other, 'ada'))).authorizeUrl)).toEqual([]);
  });

  test('a link that is under way ends as it began, also if KV keeps no record of it', async () => {
    const kv = meterKv(env.LINKS);
    world = await startDemo({ bindings: { LINKS: kv.kv } });
    await world.set({ demo_account: true });
    const kept = await world.begin(authPath(world.app, 'ada'));
    kv.fail();
    const carried = await world.begin(authPath(world.app, 'bea'));
    kv.reset();
    await world.set({ demo_account: false });
    const own = await world.begin(authPath(world.app, 'cleo'));
    await world.set({ demo_account: true });
    for (const one of [kept, carried, own]) expect(await world.end(one)).toBe(WOMOJI);
    expect(
      [await world.shown('ada'), await world.shown('bea'), await world.shown('cleo')].map((one) => one.demo),
    ).toEqual([true, true, false]);
  });
});

describe('a connection to the demo account', () => {
  test('works, and is marked wherever it is shown', async () => {
    await world.set({ demo_account: true });
    expect(await world.link('ada')).toBe(WOMOJI);
    expect((await world.app.call('POST', '/withings/sync/ada')).status).toBe(202);
    expect(await (await world.app.call('POST', '/withings/sync/ada')).json()).toMatchObject({ complete: true });
    const latest = await (await world.app.call('GET', '/metrics/ada/latest')).json<{ data: object }>();
    expect(latest.data).toHaveProperty('weight');
    expect(await world.shown('ada')).toMatchObject({ state: 'active', demo: true, delivery: 'poll' });
    expect(await (await world.app.call('GET', '/withings/connections')).json()).toMatchObject({
      data: [{ user_id: 'ada', demo: true }],
    });
    const exported = await world.app.call('GET', '/users/ada/export');
    expect(await exported.json()).toMatchObject({ connections: [{ withings_user_id: world.demoUserid, demo: true }] });
    const browser = dashboardBrowser(world.broker);
    await browser.signIn(world.broker.operatorToken);
    expect((await browser.get(`/dashboard/apps/${world.app.id}/users`)).html).toContain('>Demo</span>');
    expect((await browser.get(`/dashboard/apps/${world.app.id}/users/ada`)).html).toContain(
      'Linked to Withings’ demo account',
    );
  });

  test('is marked while it waits, and when it is confirmed', async () => {
    await world.set({ demo_account: true, link_policy: 'confirm' });
    const returned = await world.link('ada');
    expect(await world.shown('ada')).toMatchObject({ state: 'pending', demo: true });
    expect(await (await world.app.call('GET', '/withings/connections')).json()).toMatchObject({
      data: [{ user_id: 'ada', state: 'pending', demo: true }],
    });
    await world.set({ demo_account: false });
    expect((await world.confirm(returned, 'ada')).status).toBe(200);
    expect(await world.shown('ada')).toMatchObject({ state: 'active', demo: true });
  });

  test('is in no figure: not in an app’s, not in the operator’s', async () => {
    expect(await world.link('nora', 'nora')).toBe(WOMOJI);
    await world.set({ demo_account: true });
    for (const user of ['ada', 'bea', 'cleo', 'dee']) expect(await world.link(user)).toBe(WOMOJI);
    await world.app.call('DELETE', '/withings/disconnect/cleo');
    for (const user of ['nora', 'ada', 'bea']) await world.app.call('POST', `/withings/sync/${user}`);
    await env.DB.prepare(
      `UPDATE connections SET state = 'reauth_required', state_since = ?, state_reason = 'refresh_token_rejected' WHERE user_id = 'dee'`,
    )
      .bind(world.broker.now())
      .run();
    await world.set({ link_policy: 'confirm' });
    await world.link('eve');
    const deps = await world.broker.deps();
    const overview = await showOverview(deps, world.app.id);
    expect(overview).toMatchObject({
      ok: true,
      value: { users: { active: 1, reauth_required: 0, disconnected: 0, pending: 0 } },
    });
    const synced = overview.ok ? overview.value.activity.map((day) => day.synced) : [];
    expect(synced.reduce((sum, count) => sum + count, 0)).toBe(1);
    const glances = await appGlances(deps.db, [world.app.id], 100);
    expect(glances.ok && glances.value.get(world.app.id)).toMatchObject({ users: 1, reauthRequired: 0 });
    expect(await showResources(deps)).toMatchObject({ ok: true, value: { users: 1 } });
    expect(await showBrokerHealth(deps)).toMatchObject({ ok: true, value: { lost: [] } });
    const losses = { since: world.broker.now() - 1, most: 10 };
    const due = await workDue(deps.db, deps.settings.shares.cron, losses, world.broker.now());
    expect(due).toMatchObject({ ok: true, value: { lost: 0 } });
  });

  test('is one account for many users: neither shared by them, nor ended for one by another', async () => {
    await world.set({ demo_account: true, shared_accounts: 'refuse' });
    for (const user of ['ada', 'bea']) expect(await world.link(user)).toBe(WOMOJI);
    expect([await world.shown('ada'), await world.shown('bea')].map((one) => one.conflict)).toEqual([false, false]);
    const withdrawn = await world.app.call('DELETE', '/withings/disconnect/ada?withdraw=true');
    expect(await withdrawn.json()).toEqual({ connected: false, withings: { revoked: 0, kept: 0, failed: 0 } });
    expect(await (await world.app.call('DELETE', '/users/ada')).json()).toMatchObject({
      withings: { revoked: 0, failed: 0 },
    });
    expect((await world.app.call('POST', '/withings/sync/bea')).status).toBe(202);
    await world.app.call('DELETE', '/withings/disconnect/bea');
    const actions = world.broker.simulator.state.calls.list().map(({ action }) => action);
    expect(actions).not.toContain('revoke');
    // A person's account is still one user's.
    await world.set({ demo_account: false });
    expect(await world.link('cleo', 'nora')).toBe(WOMOJI);
    expect(await world.link('dee', 'nora')).toContain('error=account_in_use');
  });

  test('is erased like any other, with its data and its link that waits, and nothing is revoked', async () => {
    await world.set({ demo_account: true });
    expect(await world.link('ada')).toBe(WOMOJI);
    expect((await world.app.call('POST', '/withings/sync/ada')).status).toBe(202);
    await world.set({ link_policy: 'confirm' });
    for (const user of ['ada', 'bea']) await world.link(user);
    expect(await (await world.app.call('DELETE', '/users/ada')).json()).toMatchObject({
      complete: true,
      removed: { connections: 1, pending_connections: 1 },
      withings: { revoked: 0, kept: 0, failed: 0 },
    });
    expect(await (await world.app.call('DELETE', '/users/bea')).json()).toMatchObject({
      removed: { connections: 0, pending_connections: 1 },
    });
    for (const user of ['"ada"', '"bea"', world.demoUserid]) expect(await rowsWith(user)).toEqual([]);
    expect((await world.app.call('GET', '/users/ada/export')).status).toBe(404);
  });

  test('goes with its app, however many users have one', async () => {
    await world.set({ demo_account: true });
    for (const user of ['ada', 'bea', 'cleo', 'dee']) expect(await world.link(user)).toBe(WOMOJI);
    expect((await world.broker.manage('DELETE', `/apps/${world.app.id}`)).status).toBe(202);
    expect((await world.broker.manage('DELETE', `/apps/${world.app.id}`)).status).toBe(204);
    expect(await rowsWith(world.demoUserid)).toEqual([]);
  });

  test('is not subscribed to notifications, and a person who links after it is', async () => {
    world = await startDemo({ bindings: { NOTIFY_APPLI: '1' } });
    const subscribed = async () => {
      const { results } = await env.DB.prepare('SELECT withings_user_id AS id FROM subscriptions').all();
      return results.map(({ id }) => id);
    };
    await world.set({ demo_account: true });
    expect(await world.link('ada')).toBe(WOMOJI);
    await world.set({ link_policy: 'confirm' });
    expect((await world.confirm(await world.link('bea'), 'bea')).status).toBe(200);
    expect(await subscribed()).toEqual([]);
    await world.set({ demo_account: false, link_policy: 'open' });
    expect(await world.link('ada', 'nora')).toBe(WOMOJI);
    expect(await subscribed()).toEqual([world.noraUserid]);
  });

  test('lasts when another link ends its tokens at Withings, as the user’s next one makes it good', async () => {
    world = await startDemo({ settings: { newGrantKillsOlder: true } });
    await world.set({ demo_account: true });
    for (const user of ['ada', 'bea']) expect(await world.link(user)).toBe(WOMOJI);
    world.broker.advance(4 * 3600_000);
    expect(await (await world.app.call('POST', '/withings/sync/ada')).json()).toMatchObject({
      code: 'reauth_required',
    });
    expect((await world.app.call('POST', '/withings/sync/bea')).status).toBe(202);
    expect(await world.link('ada')).toBe(WOMOJI);
    expect(await world.rows('ada')).toEqual([{ account: world.demoUserid, state: 'active', current: 1, demo: 1 }]);
  });
});

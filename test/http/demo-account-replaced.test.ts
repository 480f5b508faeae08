import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { authPath, WOMOJI } from '../support/broker.ts';
import { type DemoWorld, startDemo } from '../support/demo-account.ts';

/** Who takes whose place: Withings' demo account never that of a person's own. */

let world: DemoWorld;
beforeEach(async () => {
  world = await startDemo();
});

describe('of the demo account and a person’s own', () => {
  test('the person’s replaces the demo account by any link, and goes on unmarked with data of its own', async () => {
    await world.set({ demo_account: true });
    expect(await world.link('ada')).toBe(WOMOJI);
    await world.app.call('POST', '/withings/sync/ada');
    await world.set({ demo_account: false });
    // Turning it off ends nothing.
    expect((await world.app.call('POST', '/withings/sync/ada')).status).toBe(200);
    expect(await world.shown('ada')).toMatchObject({ state: 'active', demo: true });
    expect(await world.link('ada', 'nora')).toBe(WOMOJI);
    expect(await world.shown('ada')).toMatchObject({ state: 'active', demo: false });
    expect(await world.rows('ada')).toEqual([
      { account: world.noraUserid, state: 'active', current: 1, demo: 0 },
      { account: world.demoUserid, state: 'disconnected', current: 0, demo: 1 },
    ]);
    expect(await (await world.app.call('GET', '/metrics/ada')).json()).toMatchObject({ data: [] });
  });

  test.each([
    ['active', 'open'],
    ['reauth_required', 'open'],
    ['active', 'session'],
    ['active', 'confirm'],
  ])('the demo account does not replace the person’s: %s, under %s', async (state, policy) => {
    expect(await world.link('ada', 'nora')).toBe(WOMOJI);
    await env.DB.prepare('UPDATE connections SET state = ?').bind(state).run();
    const before = await env.DB.prepare('SELECT * FROM connections').all();
    await world.set({ demo_account: true, link_policy: policy });
    const url = policy === 'session' ? await world.app.sessionLink('ada') : authPath(world.app, 'ada');
    expect(await world.end(await world.begin(url))).toContain('error=already_connected');
    expect((await env.DB.prepare('SELECT * FROM connections').all()).results).toEqual(before.results);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM pending_connections').first('n')).toBe(0);
  });

  test('nor by a confirmation that comes after the person’s link', async () => {
    await world.set({ demo_account: true, link_policy: 'confirm' });
    const returned = await world.link('ada');
    await world.set({ demo_account: false, link_policy: 'open' });
    expect(await world.link('ada', 'nora')).toBe(WOMOJI);
    const refused = await world.confirm(returned, 'ada');
    expect([refused.status, (await refused.json<{ code: string }>()).code]).toEqual([409, 'already_connected']);
    expect(await world.rows('ada')).toEqual([{ account: world.noraUserid, state: 'active', current: 1, demo: 0 }]);
  });

  test('the demo account takes the place of one that is disconnected, whose history goes on later', async () => {
    expect(await world.link('ada', 'nora')).toBe(WOMOJI);
    await world.app.call('POST', '/withings/sync/ada');
    await world.app.call('DELETE', '/withings/disconnect/ada');
    await world.set({ demo_account: true });
    expect(await world.link('ada')).toBe(WOMOJI);
    expect(await (await world.app.call('GET', '/metrics/ada')).json()).toMatchObject({ data: [] });
    await world.set({ demo_account: false });
    expect(await world.link('ada', 'nora')).toBe(WOMOJI);
    expect(await world.rows('ada')).toEqual([
      { account: world.noraUserid, state: 'active', current: 1, demo: 0 },
      { account: world.demoUserid, state: 'disconnected', current: 0, demo: 1 },
    ]);
    const { data } = await (await world.app.call('GET', '/metrics/ada?metric=weight')).json<{ data: object[] }>();
    expect(data.length).toBeGreaterThan(0);
  });
});

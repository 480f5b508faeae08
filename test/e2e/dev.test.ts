import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import { recordShown } from '../support/canaries.ts';
import { asApp, locationOf, send, walk, WOMOJI } from './client.ts';
import { findLeaks, issuedTokens } from './leaks.ts';
import { ready, state } from './shared.ts';

const connect = async (...args: Parameters<typeof walk> extends [unknown, ...infer Rest] ? Rest : never) =>
  (await walk(ready, ...args)).location;

describe('what npm run dev starts', () => {
  test('sends a person who denies back to the app, connected to nothing', async () => {
    const location = await connect({ userId: 'e2e-denied', decision: 'deny' });
    expect(location).toMatch(/^womoji:\/\/withings\/success\?error=access_denied&/);
    const status = await asApp(ready, 'GET', '/withings/status/e2e-denied');
    expect(await status.json()).toEqual({ connected: false });
  });

  test('connects, syncs, answers with metrics and disconnects, over HTTP alone', async () => {
    expect(await connect({ userId: 'e2e-nora' })).toBe(WOMOJI);
    expect(await (await asApp(ready, 'GET', '/withings/status/e2e-nora')).json()).toEqual({ connected: true });

    const synced = await asApp(ready, 'POST', '/withings/sync/e2e-nora');
    expect(synced.status).toBe(200);
    expect(await synced.json()).toMatchObject({ changed: 0, removed: 0, complete: true });

    const metrics = await asApp(ready, 'GET', '/metrics/e2e-nora/latest');
    const { data } = await metrics.json<{ data: Record<string, { value: number; unit: string }> }>();
    expect(Object.keys(data)).toEqual(expect.arrayContaining(['weight', 'bmi', 'fat_ratio', 'muscle_mass']));
    expect(data['bmi']?.value).toBeCloseTo((data['weight']?.value ?? 0) / 1.68 ** 2, 1);

    const disconnected = await asApp(ready, 'DELETE', '/withings/disconnect/e2e-nora');
    expect(await disconnected.json()).toEqual({ connected: false });
    expect((await asApp(ready, 'POST', '/withings/sync/e2e-nora')).status).toBe(409);
    const kept = await asApp(ready, 'GET', '/metrics/e2e-nora?metric=weight');
    expect((await kept.json<{ data: unknown[] }>()).data.length).toBeGreaterThan(0);
  });

  test('comes with a link whose page asks for the metrics as an app would', async () => {
    const started = await send(ready.auth_url);
    const consented = await send(await locationOf(started), {
      method: 'POST',
      body: new URLSearchParams({ person: 'kenji', decision: 'allow' }),
    });
    const location = await locationOf(await send(await locationOf(consented)));
    expect(location).toBe(new URL(ready.auth_url).searchParams.get('redirect_uri'));
    const page = await (await fetch(location)).text();
    expect(page).toContain('<h1>Connected</h1>');
    expect(page).toMatch(/weight<\/th><td>\d/);
    expect(page).toMatch(/bmi<\/th><td>\d/);
    // The browser asks for the values again and again, without a sync.
    const [, again = ''] = /<meta http-equiv="refresh" content="2; url=([^"]+)">/.exec(page) ?? [];
    expect(await (await fetch(new URL(again, location))).text()).toMatch(/weight<\/th><td>\d/);
    expect(await (await fetch(`${location}?error=%3Cb%3E`)).text()).toContain('&lt;b>');
  });

  test('has a page that says why a link failed, with one to try again', async () => {
    const redirectUri = new URL(ready.auth_url).searchParams.get('redirect_uri') ?? '';
    const refused = new URLSearchParams({ error: 'access_denied', error_description: 'Not <allowed>.', state: 'ada' });
    const page = await (await fetch(`${redirectUri}?${refused.toString()}`)).text();
    expect(page).toContain('<p>Not &lt;allowed>.</p>');
    expect(page).toContain('<code>access_denied</code>');
    const [, again = ''] = /<a href="([^"]+)">Try again/.exec(page) ?? [];
    const link = new URL(again.replaceAll('&amp;', '&'));
    expect(Object.fromEntries(link.searchParams)).toEqual({ user_id: 'ada', redirect_uri: redirectUri, state: 'ada' });
    expect((await send(link.href)).status).toBe(302);
  });

  test("lets a developer's test suite open hundreds of links a minute", async () => {
    const statuses = new Set<number>();
    for (let user = 0; user < 150; user += 1) {
      const query = new URLSearchParams({ user_id: `e2e-many-${user}`, redirect_uri: WOMOJI });
      statuses.add((await send(`${ready.url}/apps/${ready.app_id}/withings/auth?${query.toString()}`)).status);
    }
    expect([...statuses]).toEqual([302]);
  });

  test('takes ticks of the clock', async () => {
    const tick = await send(`${ready.url}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`);
    expect(tick.status).toBe(200);
  });

  test('would be caught keeping a token or a code where it must not be, or showing it', async () => {
    const { callback } = await walk(ready, { userId: 'e2e-leaking' });
    const [token = ''] = await issuedTokens(state);
    // A copy of the state: other files search the state itself at the same time.
    const copy = await mkdtemp(join(tmpdir(), 'mushu-leaking-'));
    onTestFinished(() => rm(copy, { recursive: true }));
    for (const name of ['secrets.json', 'demo-app.json', 'simulator.json']) {
      await copyFile(join(state, name), join(copy, name));
    }
    expect(await findLeaks(copy)).toEqual([]);

    await writeFile(join(copy, 'some.sqlite'), `token ${token}, key ${ready.api_key}`);
    const forget = [
      recordShown({ where: 'a page', text: `<p>${ready.admin_token}</p>` }),
      recordShown({ where: 'a redirect', text: `Location: womoji://${new URL(callback).search}` }),
    ];
    expect(new Set((await findLeaks(copy)).map(({ secret, where }) => `${secret} in ${where}`))).toEqual(
      new Set([
        'token of Withings in some.sqlite',
        "the demo app's key in some.sqlite",
        'operator token in a page',
        'code in a redirect',
        'signed token in a redirect',
      ]),
    );
    for (const undo of forget) undo();
  });
});

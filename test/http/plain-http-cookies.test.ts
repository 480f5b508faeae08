import { beforeAll, describe, expect, test } from 'vitest';

import { authPath, type Broker, makeApp, ORIGIN, startBroker } from '../support/broker.ts';
import { dashboardBrowser } from '../support/dashboard.ts';

/**
 * A developer's own machine is reached over http. WebKit keeps no cookie there that has `Secure`, or a prefix that
 * needs it: a browser like that signs in and links all the same. Over https every cookie has both.
 */

const PLAIN = 'http://127.0.0.1:8787';
let broker: Broker;

beforeAll(async () => {
  broker = await startBroker();
});

/** A browser that keeps cookies as WebKit does. */
const webKit = (origin: string) => {
  const set: string[] = [];
  const browser = dashboardBrowser({
    origin,
    request: async (path, init) => {
      const answer = await broker.request(new URL(path, origin).href, init);
      const cookies = answer.headers.getSetCookie();
      set.push(...cookies);
      const kept = new Response(answer.body, { status: answer.status, headers: answer.headers });
      if (origin.startsWith('https:')) return kept;
      kept.headers.delete('Set-Cookie');
      for (const cookie of cookies.filter((one) => !/;\s*secure|^__(?:host|secure)-/i.test(one))) {
        kept.headers.append('Set-Cookie', cookie);
      }
      return kept;
    },
  });
  return { browser, set };
};

describe('over http, WebKit', () => {
  test('signs in, uses a form and signs out', async () => {
    const { browser, set } = webKit(PLAIN);
    expect((await browser.signIn(broker.operatorToken)).path).toBe('/dashboard/apps');
    expect((await browser.submit('/dashboard/apps', '/dashboard/apps', { name: 'Plain' })).status).toBe(200);
    await browser.submit('/dashboard/apps', '/dashboard/sign-out');
    expect((await browser.get('/dashboard/apps')).path).toContain('/dashboard/sign-in');
    for (const cookie of set) expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  test('keeps the cookie of a link', async () => {
    const app = await makeApp(broker);
    const answer = await broker.request(`${PLAIN}${authPath(app, 'ada')}`);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^mushu_link=[0-9a-f]{32};/);
    expect(cookie).not.toMatch(/secure/i);
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Lax');
  });
});

test('over https every cookie is for this host alone', async () => {
  const { browser, set } = webKit(ORIGIN);
  const app = await makeApp(broker);
  await browser.signIn(broker.operatorToken);
  await browser.submit('/dashboard/apps', '/dashboard/sign-out');
  set.push(...(await broker.request(authPath(app, 'ada'))).headers.getSetCookie());
  expect(set.length).toBeGreaterThan(3);
  for (const cookie of set) expect(cookie).toMatch(/^__Host-mushu_\w+=.*; Path=\/.*; Secure/);
});

test('a browser that keeps no cookie is told so, and a form of another site is not', async () => {
  const { browser } = webKit(ORIGIN);
  const page = (await browser.get('/dashboard/sign-in')).html;
  browser.cookies.clear();
  const refused = await browser.submitFrom(page, '/dashboard/sign-in', { token: broker.operatorToken });
  expect([refused.status, refused.html.includes('cookie_refused')]).toEqual([403, true]);
  expect(refused.html).toContain('Allow cookies');

  const foreign = await browser.postRaw('/dashboard/sign-in', [['token', 'x']], { Origin: 'https://evil.example' });
  expect([foreign.status, (await foreign.text()).includes('foreign_form')]).toEqual([403, true]);
});

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { type Broker, emptyTables, ORIGIN, startBroker } from '../support/broker.ts';
import { type DashboardBrowser, dashboardBrowser, formToken } from '../support/dashboard.ts';

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker();
  browser = dashboardBrowser(broker);
});

const isSignedIn = async (one: DashboardBrowser): Promise<boolean> => {
  const { path, status } = await one.get('/dashboard/apps');
  await broker.settle();
  return status === 200 && !path.startsWith('/dashboard/sign-in');
};

describe('signing in', () => {
  test.each([
    ['nothing', ''],
    ['garbage', 'let me in'],
    ['a session cookie', `mushu_session_${'0'.repeat(72)}`],
    ['a mistyped operator token', `mushu_operator_${'0'.repeat(72)}`],
  ])('is refused with %s, beside the field, and makes no session', async (_, token) => {
    const answer = await browser.signIn(token);
    expect(answer.status).toBe(401);
    expect(answer.html).toContain('id="token-error"');
    expect(await isSignedIn(browser)).toBe(false);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM dashboard_sessions').first('n')).toBe(0);
  });

  test('leads the operator to the apps, by a cookie that scripts and other sites cannot use', async () => {
    const page = await browser.get('/dashboard/sign-in');
    const answer = await browser.postRaw(
      '/dashboard/sign-in',
      [
        ['form_token', formToken(page.html)],
        ['token', broker.operatorToken],
      ],
      { Origin: ORIGIN },
    );
    expect(answer.status).toBe(303);
    const [cookie = ''] = answer.headers.getSetCookie().filter((one) => one.startsWith('__Host-mushu_session='));
    for (const attribute of ['Secure', 'HttpOnly', 'SameSite=Strict', 'Path=/']) expect(cookie).toContain(attribute);
    expect(cookie).not.toContain('Domain');
    expect(await isSignedIn(browser)).toBe(true);
  });

  test('makes a new cookie, whatever the browser brought along', async () => {
    const planted = `mushu_session_${'a'.repeat(72)}`;
    browser.cookies.set('__Host-mushu_visitor', planted);
    await browser.signIn(broker.operatorToken);
    const cookie = browser.cookies.get('__Host-mushu_session');
    expect(cookie).not.toBe(planted);
    expect(browser.cookies.has('__Host-mushu_visitor')).toBe(false);
    const { results } = await env.DB.prepare('SELECT * FROM dashboard_sessions').all();
    expect(results).toHaveLength(1);
    expect(JSON.stringify(results)).not.toContain(cookie);
  });

  test('is asked for at every page, and nothing of the page is shown before', async () => {
    const KEYS = '/dashboard/apps/app_1/keys';
    for (const [path, location] of [
      ['/dashboard', '/dashboard/sign-in'],
      ['/dashboard/apps', '/dashboard/sign-in'],
      [KEYS, `/dashboard/sign-in?to=${encodeURIComponent(KEYS)}`],
      ['/dashboard/no-such-page', '/dashboard/sign-in?to=%2Fdashboard%2Fno-such-page'],
    ] as const) {
      const answer = await broker.request(path, { headers: { Accept: 'text/html' } });
      expect(answer.status, path).toBe(303);
      expect(answer.headers.get('Location'), path).toBe(location);
      expect(await answer.text(), path).toBe('');
    }
  });

  test('is not lost by a link from another site, which brings no cookie', async () => {
    await browser.signIn(broker.operatorToken);
    const arrival = await broker.request('/dashboard/apps', { headers: { 'Sec-Fetch-Site': 'cross-site' } });
    expect(arrival.headers.get('Refresh')).toBe('0');
    expect(arrival.headers.getSetCookie()).toEqual([]);
  });
});

describe('a session ends', () => {
  beforeEach(() => browser.signIn(broker.operatorToken));

  test('after 30 minutes without a request, and not before', async () => {
    broker.advance(29 * MINUTE_MS);
    expect(await isSignedIn(browser)).toBe(true);
    broker.advance(29 * MINUTE_MS);
    expect(await isSignedIn(browser)).toBe(true);
    broker.advance(30 * MINUTE_MS);
    const answer = await browser.get('/dashboard/apps');
    expect(answer.path).toContain('/dashboard/sign-in');
    expect(answer.html).toContain('Your session has ended');
  });

  test('after 12 hours, however busy', async () => {
    for (let at = 0; at < 12 * HOUR_MS - 20 * MINUTE_MS; at += 20 * MINUTE_MS) {
      broker.advance(20 * MINUTE_MS);
      expect(await isSignedIn(browser)).toBe(true);
    }
    broker.advance(20 * MINUTE_MS);
    expect(await isSignedIn(browser)).toBe(false);
  });

  test('by signing out, on this device alone', async () => {
    const other = dashboardBrowser(broker);
    await other.signIn(broker.operatorToken);
    const stolen = browser.cookies.get('__Host-mushu_session') ?? '';
    await browser.submit('/dashboard/apps', '/dashboard/sign-out');
    browser.cookies.set('__Host-mushu_session', stolen);
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isSignedIn(other)).toBe(true);
  });

  test('by signing out everywhere, on every device', async () => {
    const other = dashboardBrowser(broker);
    await other.signIn(broker.operatorToken);
    await other.submit('/dashboard/apps', '/dashboard/sign-out-everywhere');
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isSignedIn(other)).toBe(false);
  });

  test("when the operator's token is changed", async () => {
    const successor = await startBroker();
    successor.advance(broker.now() - successor.now());
    const later = dashboardBrowser(successor);
    for (const [name, value] of browser.cookies) later.cookies.set(name, value);
    expect((await later.get('/dashboard/apps')).path).toContain('/dashboard/sign-in');
  });
});

describe('a form that our page did not send changes nothing', () => {
  const honest = { Origin: ORIGIN, 'Sec-Fetch-Site': 'same-origin' };
  const FORM = 'application/x-www-form-urlencoded';
  beforeEach(() => browser.signIn(broker.operatorToken));

  test.each<[string, Record<string, string>]>([
    ['without an origin', { 'Content-Type': FORM }],
    ['with the null origin', { ...honest, Origin: 'null' }],
    ['from another origin', { ...honest, Origin: 'https://evil.example' }],
    ['from our host over http', { ...honest, Origin: ORIGIN.replace('https', 'http') }],
    ['from another site, as the browser says', { ...honest, 'Sec-Fetch-Site': 'cross-site' }],
    ['from a sibling site, as the browser says', { ...honest, 'Sec-Fetch-Site': 'same-site' }],
    ['as text/plain', { ...honest, 'Content-Type': 'text/plain' }],
    ['as JSON', { ...honest, 'Content-Type': 'application/json' }],
    ['as multipart', { ...honest, 'Content-Type': 'multipart/form-data; boundary=x' }],
    ['without a content type', { ...honest, 'Content-Type': '' }],
  ])('%s', async (_, headers) => {
    const token = formToken((await browser.get('/dashboard/apps')).html);
    const answer = await browser.postRaw(
      '/dashboard/apps',
      [
        ['form_token', token],
        ['name', 'Evil'],
      ],
      headers,
    );
    expect(answer.status).toBe(403);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM apps').first('n')).toBe(0);
  });

  test.each<[string, [string, string][]]>([
    ['without a token', []],
    ['with an empty token', [['form_token', '']]],
    ['with a made-up token', [['form_token', '0'.repeat(64)]]],
  ])('%s', async (_, token) => {
    const answer = await browser.postRaw('/dashboard/apps', [...token, ['name', 'Evil']], honest);
    expect(answer.status).toBe(403);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM apps').first('n')).toBe(0);
  });

  test("with another browser's token", async () => {
    const other = dashboardBrowser(broker);
    await other.signIn(broker.operatorToken);
    const token = formToken((await other.get('/dashboard/apps')).html);
    const answer = await browser.postRaw(
      '/dashboard/apps',
      [
        ['form_token', token],
        ['name', 'Evil'],
      ],
      honest,
    );
    expect(answer.status).toBe(403);
  });

  test('and one that it did send does', async () => {
    const answer = await browser.submit('/dashboard/apps', '/dashboard/apps', { name: 'Womoji' });
    expect(answer.status).toBe(200);
    expect(answer.path).toMatch(/^\/dashboard\/apps\/app_[0-9a-f]+\/health/);
    expect(await env.DB.prepare('SELECT name FROM apps').first('name')).toBe('Womoji');
  });
});

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import { type DashboardBrowser, dashboardBrowser } from '../support/dashboard.ts';
import { startReceivers, verifyAsReceiver } from '../support/receiver.ts';

/** An app's Webhooks tab. */

const URL_A = 'https://hooks.example.com/a';
const FIELDS = { url: URL_A, description: 'Ours', payload: 'full', events: ['user.erased', 'connection.created'] };
const SECRET = /whsec_[A-Za-z0-9+/=]+/;

let broker: Broker;
let browser: DashboardBrowser;
let app: TestApp;
let tab: string;
let receivers: ReturnType<typeof startReceivers>;

beforeEach(async () => {
  await emptyTables();
  receivers = startReceivers(() => broker.now());
  broker = await startBroker({ fetch: receivers.intercept });
  browser = dashboardBrowser(broker);
  await browser.signIn(broker.operatorToken);
  app = await makeApp(broker);
  tab = `/dashboard/apps/${app.id}/webhooks`;
});

const endpoints = async () =>
  (
    await (
      await broker.manage('GET', `/apps/${app.id}/webhooks`)
    ).json<{
      data: Record<string, unknown>[];
    }>()
  ).data;
const add = async (fields: Record<string, string | string[]> = FIELDS) => {
  const page = await browser.submit(tab, tab, fields);
  await broker.settle();
  return page;
};
const act = async (page: string, action: string, fields: Record<string, string | string[]> = {}) => {
  const answer = await browser.submit(page, `${page}/${action}`, fields);
  await broker.settle();
  return answer;
};
const refuse = (status: number, text = 'no') => receivers.answerWith(() => new Response(text, { status }));
const accept = () => receivers.answerWith(() => new Response(null, { status: 204 }));
const tickAfter = async (ms: number) => {
  broker.advance(ms);
  await broker.tick();
  await broker.settle();
};
const actions = async () =>
  (
    await (await broker.manage('GET', `/apps/${app.id}/audit`)).json<{ data: { action: string; surface: string }[] }>()
  ).data
    .filter(({ action }) => action.startsWith('webhook.'))
    .map(({ action, surface }) => `${action} by ${surface}`)
    .toSorted();

describe('adding an endpoint', () => {
  test('shows its secret once, which signs what is sent', async () => {
    const page = await add();
    expect(page.path).toMatch(new RegExp(`^${tab}/wh_[0-9a-f]+$`));
    const [secret = ''] = SECRET.exec(page.html) ?? [];
    for (const again of [page.path, tab, `/dashboard/apps/${app.id}/audit`]) {
      expect((await browser.get(again)).html).not.toMatch(SECRET);
    }
    await act(page.path, 'test');
    const [delivery] = receivers.deliveries;
    if (delivery === undefined) throw new Error('nothing was sent');
    verifyAsReceiver(secret, delivery);
    expect(await endpoints()).toMatchObject([{ ...FIELDS, disabled: false }]);
  });

  test('with every type ticked takes the types of later versions too', async () => {
    const { html } = await browser.get(tab);
    const ticked = [...html.matchAll(/name="events" value="([^"]*)" checked/g)].map(([, type = '']) => type);
    expect(ticked).toHaveLength(7);
    await add({ ...FIELDS, events: ticked });
    expect(await endpoints()).toMatchObject([{ events: null }]);
  });

  test.each<[string, Record<string, string | string[]>, string]>([
    ['a private address', { ...FIELDS, url: 'https://10.0.0.1/hook' }, 'private network'],
    ['no event', { url: URL_A, description: 'Ours', payload: 'full' }, 'Choose at least one'],
    ['an event that there is none of', { ...FIELDS, events: ['user.born'] }, 'Choose at least one'],
    ['a long description', { ...FIELDS, description: 'x'.repeat(201) }, 'at most 200 characters'],
  ])('is refused with %s: what was typed stays, and nothing is stored or noted', async (_, fields, words) => {
    const page = await add(fields);
    expect(page.status).toBe(422);
    expect(page.html).toContain(`value="${String(fields['url'])}"`);
    expect(page.html).toContain(words);
    expect(await endpoints()).toEqual([]);
    expect(await actions()).toEqual([]);
  });

  test.each([
    ['a body that there is none of', { ...FIELDS, payload: 'huge' }],
    ['a field that the page does not have', { ...FIELDS, disabled: 'true' }],
  ])('is refused with %s, and nothing is stored or noted', async (_, fields) => {
    expect((await add(fields)).status).toBe(400);
    expect([await endpoints(), await actions()]).toEqual([[], []]);
  });

  test('at a loopback address leads to the setting that allows it', async () => {
    const fields = { ...FIELDS, url: 'http://127.0.0.1:3000/hook' };
    const { status, html } = await add(fields);
    expect(status).toBe(422);
    expect(html).toContain(`href="/dashboard/apps/${app.id}/health/policy"`);
    await broker.manage('PATCH', `/apps/${app.id}`, { allow_loopback: true });
    expect((await add(fields)).status).toBe(200);
  });

  test('is not offered to an app that has five, and refused all the same', async () => {
    const form = (await browser.get(tab)).html;
    for (let index = 0; index < 5; index += 1) await add({ ...FIELDS, url: `${URL_A}${index}` });
    expect((await browser.get(tab)).html).toContain('at most 5 endpoints');
    const sixth = await browser.submitFrom(form, tab, FIELDS);
    expect([sixth.status, (await endpoints()).length]).toEqual([422, 5]);
  });
});

test('an endpoint is changed, paused, enabled, given a new secret and deleted, each noted as done here', async () => {
  const { path, html: first } = await add();
  await act(path, 'change', { ...FIELDS, payload: 'thin', description: 'Theirs', events: ['user.erased'] });
  expect(await endpoints()).toMatchObject([{ payload: 'thin', description: 'Theirs', events: ['user.erased'] }]);
  const refused = await act(path, 'change', { ...FIELDS, url: 'http://a.example.com/' });
  expect([refused.status, refused.html.includes('must begin with https://')]).toEqual([422, true]);
  expect(await endpoints()).toMatchObject([{ url: URL_A, description: 'Theirs' }]);
  const paused = await act(path, 'pause');
  expect(paused.html).toContain('Paused here or through the API');
  expect(await endpoints()).toMatchObject([{ disabled: true, disabled_reason: 'by_owner' }]);
  await act(path, 'enable');
  expect(await endpoints()).toMatchObject([{ disabled: false }]);
  const rotated = await act(path, 'rotate');
  expect(SECRET.exec(rotated.html)?.[0]).not.toBe(SECRET.exec(first)?.[0]);
  expect(rotated.html).toContain('The old secret signs');
  expect((await browser.get(path)).html).not.toMatch(SECRET);
  const gone = await act(path, 'delete');
  expect([gone.path, await endpoints()]).toEqual([tab, []]);
  expect((await browser.get(path)).status).toBe(404);
  expect(await actions()).toEqual([
    'webhook.changed by dashboard',
    'webhook.changed by dashboard',
    'webhook.changed by dashboard',
    'webhook.created by dashboard',
    'webhook.deleted by dashboard',
    'webhook.secret_rotated by dashboard',
  ]);
});

describe('the attempts of an endpoint', () => {
  const HOSTILE = `<script>alert(1)</script>"><b>`;

  test('show status, time and milliseconds, and what a refusal said as text', async () => {
    const { path } = await add();
    refuse(418, HOSTILE);
    await act(path, 'test');
    const { html } = await browser.get(path);
    expect(html).toContain('>418<');
    expect(html).toContain('webhook.test');
    expect(html).toContain('15 Jun 2026, 12:00 UTC');
    expect(html).toMatch(/class="number" data-label="Milliseconds">\s*<span>\d+</);
    expect(html).not.toContain('<script>');
    expect(html).toContain('&lt;script&gt;alert(1)');
  });

  test('are sent again one by one, or all that failed', async () => {
    const { path } = await add({ ...FIELDS, events: ['connection.created', 'history.completed'] });
    refuse(400);
    await connectAda(broker, app);
    await broker.settle();
    accept();
    const before = receivers.deliveries.length;
    const sequence = `${await env.DB.prepare('SELECT min(seq) AS n FROM events').first<number>('n')}`;
    expect((await act(path, 'resend', { sequence })).html).toContain('Queued');
    await tickAfter(60_000);
    expect(receivers.eventsAt(URL_A).slice(before)[0]).toMatchObject({ type: 'connection.created' });
    refuse(400);
    await act(path, 'test');
    await act(path, 'test');
    accept();
    const failed = receivers.deliveries.length;
    await act(path, 'resend-failed');
    await tickAfter(60_000);
    expect(
      new Set(
        receivers
          .eventsAt(URL_A)
          .slice(failed)
          .map(({ id }) => id),
      ).size,
    ).toBe(2);
    expect((await browser.get(path)).html).not.toContain('resend-failed');
  });

  test.each([
    ['no number', { sequence: 'x' }, 400],
    ['nothing', {}, 400],
    ['a field more', { sequence: '1', to: '9' }, 400],
  ])('are not sent again by a form with %s', async (_, fields, status) => {
    const { path } = await add();
    await act(path, 'test');
    const before = receivers.deliveries.length;
    const form = (await browser.get(tab)).html;
    const answer = await browser.submitFrom(form, `${path}/resend`, fields);
    expect(answer.status).toBe(status);
    await tickAfter(60_000);
    expect(receivers.deliveries).toHaveLength(before);
  });
});

test('an endpoint that was disabled is noted on its page and on the app’s', async () => {
  const { path } = await add();
  refuse(410);
  await act(path, 'test');
  expect((await browser.get(path)).html).toContain('it answered 410 Gone');
  expect((await browser.get(tab)).html).toContain('Disabled');
  const overview = (await browser.get(`/dashboard/apps/${app.id}`)).html;
  expect(overview).toContain('is disabled: it answered 410 Gone');
  expect(overview).toContain(`href="${path}"`);
  // Nothing is sent while it is disabled, and the page offers nothing that would be.
  expect((await browser.get(path)).html).not.toContain('/resend');
  accept();
  await act(path, 'enable');
  expect((await browser.get(`/dashboard/apps/${app.id}`)).html).not.toContain('is disabled');
});

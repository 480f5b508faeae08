import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { type Broker, connect, makeApp, ORIGIN, startBroker, type TestApp } from '../support/broker.ts';
import { dashboardBrowser } from '../support/dashboard.ts';

/**
 * Text of Withings that does not belong where we write it: headers, ids, logs, pages. What it says is not kept; what it
 * measured is.
 */

const PLANTED = '\r\nX-Planted: yes\u0000<script>planted()</script>';
let broker: Broker;
let app: TestApp;

/** Every text in an answer gets something planted behind it, but those that decide whether it is an answer at all. */
const poisoned = (value: unknown, name = ''): unknown => {
  if (typeof value === 'string') return /token|nonce|userid/.test(name) ? value : value + PLANTED;
  if (Array.isArray(value)) return value.map((one) => poisoned(one, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, poisoned(one, key)]));
};

beforeAll(async () => {
  let isLinked = false;
  broker = await startBroker({
    fetch: (send) => async (input, init) => {
      const answer = await send(input, init);
      const isGrant = init?.body instanceof URLSearchParams && init.body.get('action') === 'requesttoken';
      const body = await answer.json<{ body?: { scope?: string } }>();
      const changed = poisoned(body) as { body: { scope?: string } };
      // Without a scope of use there would be nothing to poison further.
      if (isGrant && !isLinked) changed.body.scope = `user.metrics,${changed.body.scope}`;
      isLinked ||= isGrant;
      return Response.json(changed);
    },
  });
  app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  for (let calls = 0; calls < 30 && (await app.call('POST', '/withings/sync/ada')).status !== 200; calls += 1) {
    broker.advance(30_000);
  }
});

const PATHS = [
  '/metrics/ada?limit=5',
  '/metrics/ada/latest',
  '/metrics/ada/daily?metric=weight',
  '/metrics/ada/delta?metric=weight',
  '/metrics/catalog',
  '/withings/status/ada',
  '/withings/connections/ada',
  '/withings/connections',
  '/users/ada/export',
];

describe.each(['application/json', 'text/csv', 'application/fhir+json'])('an answer as %s', (Accept) => {
  test.each(PATHS)('of %s is no bug of ours, and nothing planted is in it', async (path) => {
    const answer = await broker.request(`/apps/${app.id}${path}`, { headers: { 'X-API-Key': app.key, Accept } });
    expect(answer.status).toBeLessThan(500);
    expect([...answer.headers].flat().join('\n')).not.toMatch(/planted/i);
    expect(await answer.text()).not.toMatch(/planted/i);
  });
});

test('what was measured is there, with the zone that stands in for one that cannot be read', async () => {
  const { data } = await (
    await app.call('GET', '/metrics/ada?metric=weight&limit=1')
  ).json<{ data: { measured_at: string }[] }>();
  expect(data).toHaveLength(1);
  expect(data[0]?.measured_at).toMatch(/Z$|\+00:00$/);
});

test('neither the database, the log nor a page of the dashboard has it', async () => {
  const { results: sources } = await env.DB.prepare('SELECT * FROM sources').all();
  const { results: connections } = await env.DB.prepare('SELECT * FROM connections').all();
  expect(sources.length * connections.length).toBeGreaterThan(0);
  expect(JSON.stringify([sources, connections, broker.logs])).not.toMatch(/planted/i);
  const browser = dashboardBrowser({ origin: ORIGIN, request: broker.request });
  await browser.signIn(broker.operatorToken);
  for (const path of [`/dashboard/apps/${app.id}/users/ada`, `/dashboard/apps/${app.id}/users`]) {
    const { html } = await browser.get(path);
    expect(html).toContain('ada');
    expect(html).not.toMatch(/planted/i);
  }
});

test('a zone that an earlier version stored as it came makes no answer a bug', async () => {
  await env.DB.prepare('UPDATE connections SET time_zone = ?').bind(`Europe/Berlin${PLANTED}`).run();
  await env.DB.prepare('UPDATE sources SET time_zone = ?').bind(`Europe/Berlin${PLANTED}`).run();
  for (const path of PATHS) {
    const answer = await app.call('GET', path);
    expect(answer.status, path).toBeLessThan(500);
    expect([...answer.headers.keys()]).not.toContain('x-planted');
  }
});

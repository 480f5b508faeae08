import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import { OPERATIONS } from '../../src/http/api/reference/operations.ts';
import { authPath, type Broker, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { changingNothing, readProblem } from '../support/problem.ts';

/** What comes unencrypted is refused before anything is looked at, and never sent on to where it should have gone. */

const d1 = meterD1(env.DB);
let broker: Broker;
let app: TestApp;

beforeAll(async () => {
  broker = await startBroker({ bindings: { DB: d1.d1 } });
  app = await makeApp(broker);
});

const ENTRANCES: [string, string][] = [
  ...OPERATIONS.filter(({ path }) => path !== '/healthz').map(({ method, path }): [string, string] => [
    method.toUpperCase(),
    path,
  ]),
  ['GET', '/dashboard'],
  ['GET', '/dashboard/sign-in'],
  ['POST', '/dashboard/sign-in'],
];

describe('over plain http', () => {
  test.each(ENTRANCES)('%s %s is refused, with a good key too, and is not redirected', async (method, path) => {
    const url = `http://broker.example.com${path.replace('{app_id}', app.id).replaceAll(/\{\w+\}/g, 'ada')}`;
    d1.reset();
    const answer = await changingNothing(() => broker.request(url, { method, headers: { 'X-API-Key': app.key } }));
    expect(answer.headers.get('Location')).toBeNull();
    expect(answer.headers.getSetCookie()).toEqual([]);
    const { status, code, detail } = await readProblem(answer);
    expect([status, code]).toEqual([403, 'https_required']);
    expect(detail).toContain('https://');
    expect(d1.calls()).toBe(0);
  });

  test('a person is told on a page', async () => {
    const answer = await broker.request(`http://broker.example.com${authPath(app, 'ada')}`, {
      headers: { Accept: 'text/html' },
    });
    expect(await answer.text()).toContain('https_required');
  });

  test.each([
    'localhost',
    '127.0.0.1',
    '127.8.9.10',
    '[::1]',
    '10.0.2.2',
    '172.16.0.9',
    '172.31.255.1',
    '192.168.1.20',
  ])('a developer’s own machine is answered, also by its address in a private network (%s)', async (host) => {
    expect((await broker.request(`http://${host}:8787${authPath(app, 'ada')}`)).status).toBe(302);
  });

  test.each([
    '127.0.0.1.example.com',
    'localhost.example.com',
    '10.0.2.2.example.com',
    '172.15.0.1',
    '172.32.0.1',
    '192.169.1.20',
    '11.0.0.1',
    '0.0.0.0',
    '[::2]',
  ])('%s is no such machine', async (host) => {
    expect((await broker.request(`http://${host}${authPath(app, 'ada')}`)).status).toBe(403);
  });

  test.each(['10.0.2.2', '172.16.0.9', '192.168.1.20'])(
    'a broker whose PUBLIC_URL is https refuses an address of a private network too (%s), and answers loopback',
    async (host) => {
      const deployed = await startBroker({ bindings: { PUBLIC_URL: 'https://broker.example.com' } });
      const headers = { 'X-API-Key': app.key };
      const path = `/apps/${app.id}/withings/status/ada`;
      const refused = await readProblem(await deployed.request(`http://${host}${path}`, { headers }));
      expect([refused.status, refused.code]).toEqual([403, 'https_required']);
      expect((await deployed.request(`http://127.0.0.1:8787${path}`, { headers })).status).toBe(200);
    },
  );

  test('a monitor may ask whether the broker is well', async () => {
    expect((await broker.request('http://broker.example.com/healthz')).status).toBe(200);
  });
});

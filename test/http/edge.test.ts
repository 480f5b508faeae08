import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import {
  authPath,
  type Broker,
  consent,
  emptyStorage,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WEB,
  WOMOJI,
} from '../support/broker.ts';
import { type D1Fault, meterD1 } from '../support/d1-meter.ts';
import { type Front, revokeKeys, startFront } from '../support/front.ts';
import { meterFetch } from '../support/meters.ts';
import { codeOf } from '../support/problem.ts';

/**
 * The front of two Workers: what it answers from a replica that is behind, and what it hands to the placed Worker
 * beside the primary.
 */

const primary = meterD1(env.DB);
const toWithings = meterFetch();
let broker: Broker;
let app: TestApp;
let front: Front;

beforeEach(async () => {
  await emptyStorage();
  broker = await startBroker({ bindings: { DB: primary.d1 }, fetch: toWithings.wrap });
  app = await makeApp(broker);
  front = await startFront(broker);
  await front.replicate();
  broker.logs.length = 0;
  primary.reset();
});

const sessionUrl = async (): Promise<string> => {
  const wanted = { user_id: 'ada', redirect_uri: WOMOJI };
  return (await (await app.call('POST', '/withings/connect-sessions', wanted)).json<{ auth_url: string }>()).auth_url;
};
const change = (changes: object) => broker.manage('PATCH', `/apps/${app.id}`, changes);
const requestLines = () => broker.logs.filter(({ event }) => event === 'request');
const connectionsMade = () => env.DB.prepare('SELECT count(*) AS made FROM connections').first<number>('made');

describe('a link', () => {
  test('is started from the nearest replica, without the primary, and what follows is handed over', async () => {
    const { response, authorizeUrl, cookies } = await openLink(front.broker, authPath(app, 'ada'));
    expect(response.status).toBe(302);
    expect([front.handedOver.length, primary.calls(), front.replica.rowsWritten()]).toEqual([0, 0, 0]);
    expect(front.sessions).toEqual(['first-unconstrained']);
    expect(requestLines()).toEqual([expect.objectContaining({ status: 302, appId: app.id })]);

    front.replica.reset();
    const url = await consent(broker, authorizeUrl, 'nora');
    const ended = await front.request(url, { headers: { Cookie: cookies } });
    expect(ended.headers.get('Location')).toBe(WOMOJI);
    expect([front.handedOver.length, front.replica.calls()]).toEqual([1, 0]);
    expect(await (await app.call('GET', '/withings/status/ada')).json()).toMatchObject({ connected: true });
  });

  test('by a connect session is started there too, and once', async () => {
    const url = await sessionUrl();
    await front.replicate();
    const { authorizeUrl, cookies } = await openLink(front.broker, url);
    expect(front.handedOver).toEqual([]);
    const callback = await consent(broker, authorizeUrl, 'nora');
    expect((await front.request(callback, { headers: { Cookie: cookies } })).headers.get('Location')).toBe(WOMOJI);
    const again = await consent(broker, (await openLink(front.broker, url)).authorizeUrl, 'nora');
    expect((await front.request(again)).headers.get('Location')).toContain('error=link_not_allowed');
  });

  test('goes to Withings with the same redirect as through the placed Worker alone', async () => {
    const [edge, placed] = [
      await front.request(authPath(app, 'ada', WEB)),
      await broker.request(authPath(app, 'ada', WEB)),
    ];
    const without = (answer: Response) => {
      const url = new URL(answer.headers.get('Location') ?? '');
      url.searchParams.delete('state');
      return url.href;
    };
    expect(without(edge)).toBe(without(placed));
    const names = (answer: Response) => [...answer.headers.keys()].sort();
    expect(names(edge)).toEqual(names(placed));
  });
});

describe('a replica that is behind refuses nothing:', () => {
  const BEHIND: Record<string, () => Promise<string>> = {
    'an app that was just created': async () => authPath(await makeApp(broker, 'New'), 'ada'),
    'a redirect URI that was just added': async () => {
      await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: 'womoji://new' });
      return authPath(app, 'ada', 'womoji://new');
    },
    'an app that was just enabled again': async () => {
      await change({ disabled: true });
      await front.replicate();
      await change({ disabled: false });
      return authPath(app, 'ada');
    },
    'a policy that was just changed to open': async () => {
      await change({ link_policy: 'session' });
      await front.replicate();
      await change({ link_policy: 'open' });
      return authPath(app, 'ada');
    },
    'a connect session of a key that was just made': async () => {
      await env.REPLICA.prepare('DELETE FROM api_keys').run();
      return sessionUrl();
    },
  };
  test.each(Object.keys(BEHIND))('%s', async (name) => {
    const path = (await BEHIND[name]?.()) ?? '';
    broker.logs.length = 0;
    const answer = await front.request(path);
    expect(answer.headers.get('Location')).toContain('https://account.withings.com/');
    expect(front.handedOver.map(({ url }) => new URL(url).pathname)).toEqual([new URL(path, 'https://x').pathname]);
    expect(requestLines()).toHaveLength(1);
    expect(broker.logs.filter(({ event }) => event === 'front')).toEqual([]);
  });

  const FAILING: [name: string, fault: D1Fault, reason: string][] = [
    ['a table that it lacks', new Error('D1_ERROR: no such table: redirect_uris: SQLITE_ERROR'), 'Error'],
    ['a column that it lacks', 'mistaken', 'Error'],
    ['a lost connection', 'refused', 'storage_unavailable'],
    [
      'a replica that is overloaded',
      new Error('D1 DB is overloaded. Too many requests queued.'),
      'storage_unavailable',
    ],
    [
      'the day’s rows used up',
      new Error("D1_ERROR: exceeded D1's free tier daily row read limit"),
      'storage_unavailable',
    ],
  ];
  test.each(FAILING)('%s', async (_, fault, reason) => {
    front.replica.failWhen(() => fault);
    expect((await front.request(authPath(app, 'ada'))).status).toBe(302);
    expect(front.handedOver).toHaveLength(1);
    const told = broker.logs.filter(({ event }) => event === 'front');
    expect(told).toEqual([expect.objectContaining({ level: 'error', outcome: 'handed_over', reason })]);
    expect(requestLines()).toEqual([expect.objectContaining({ status: 302 })]);
  });

  test('a replica that does not answer holds nobody up for longer than a second', async () => {
    front.replica.failWhen(() => 'dies_before');
    front.beLate(true);
    expect((await front.request(authPath(app, 'ada'))).status).toBe(302);
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'front', reason: 'replica_slow' }));
  });

  test('and what the primary refuses as well is refused in its words, once', async () => {
    const paths = [
      authPath({ id: `app_${'0'.repeat(20)}` }, 'ada'),
      authPath(app, 'ada', 'womoji://other'),
      authPath(app, 'no spaces'),
      `${authPath(app, 'ada')}&user_id=bob`,
    ];
    for (const path of paths) {
      broker.logs.length = 0;
      const [edge, placed] = [await front.request(path), await broker.request(path)];
      expect(await codeOf(edge)).toBe(await codeOf(placed));
      expect(edge.headers.getSetCookie()).toEqual([]);
      expect(requestLines()).toHaveLength(2);
    }
    expect(front.handedOver).toHaveLength(paths.length);
  });
});

describe('what a replica that is behind lets start ends at the callback:', () => {
  const CHANGES: Record<string, { change: () => Promise<unknown>; link?: () => Promise<string>; ends: string }> = {
    'its redirect URI was removed': {
      change: () => broker.manage('DELETE', `/apps/${app.id}/redirect-uris?uri=${encodeURIComponent(WOMOJI)}`),
      ends: '400',
    },
    'its app was disabled': { change: () => change({ disabled: true }), ends: '403' },
    'its app was deleted': {
      change: async () => {
        await change({ disabled: true });
        return broker.manage('DELETE', `/apps/${app.id}`);
      },
      ends: '400',
    },
    'the policy is session': { change: () => change({ link_policy: 'session' }), ends: 'error=link_not_allowed' },
    'the policy is confirm': { change: () => change({ link_policy: 'confirm' }), ends: 'ticket=' },
    'any port of loopback was closed': {
      link: async () => {
        await change({ allow_loopback: true });
        await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: 'http://127.0.0.1/done' });
        return authPath(app, 'ada', 'http://127.0.0.1:4711/done');
      },
      change: () => change({ allow_loopback: false }),
      ends: '400',
    },
    'the key of its connect session was revoked': {
      link: sessionUrl,
      change: () => revokeKeys(broker, app),
      ends: 'error=link_not_allowed',
    },
  };
  test.each(Object.keys(CHANGES))('%s', async (name) => {
    const { change: make, link, ends } = CHANGES[name] ?? { change: sessionUrl, ends: '' };
    const path = (await link?.()) ?? authPath(app, 'ada');
    await front.replicate();
    await make();
    const { response, authorizeUrl, cookies } = await openLink(front.broker, path);
    expect([response.status, front.handedOver.length]).toEqual([302, 0]);
    const ended = await front.request(await consent(broker, authorizeUrl, 'nora'), { headers: { Cookie: cookies } });
    const location = ended.headers.get('Location');
    expect(location ?? String(ended.status)).toContain(ends);
    expect(await connectionsMade()).toBe(0);
  });
});

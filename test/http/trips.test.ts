import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, test } from 'vitest';

import performancePage from '../../docs/performance.md?raw';
import { MAX_KV_WAIT_MS } from '../../src/broker/link/link-record.ts';
import {
  authPath,
  type Broker,
  connect,
  consent,
  emptyStorage,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { type City, latencyAtFrontMs, latencyMs, REPLICA_ROUND_TRIP_MS, ROUND_TRIP_MS } from '../support/cities.ts';
import { meterD1 } from '../support/d1-meter.ts';
import { type Developer, makeDeveloper } from '../support/developer.ts';
import { startFront } from '../support/front.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import { createTripLog, d1InSequence, type Stage, type TripTo } from '../support/trips.ts';

/**
 * Which trips each route makes one after another, and how long it takes then from six cities. The tables of
 * `docs/performance.md` are these.
 */

const log = createTripLog();
let broker: Broker;
let app: TestApp;
let developer: Developer;

beforeAll(async () => {
  await emptyStorage();
  broker = await startBroker({
    bindings: { DB: meterD1(env.DB, log).d1, LINKS: meterKv(env.LINKS, log).kv },
    fetch: meterFetch(log).wrap,
  });
  developer = await makeDeveloper(broker);
  app = await makeApp(broker, 'Womoji', developer.accountId);
  await connect(broker, app, 'ada', 'nora');
  while ((await app.call('POST', '/withings/sync/ada')).status !== 200) broker.advance(60_000);
  for (const [name, measure] of Object.entries(ROUTES)) measured.set(name, await measure());
});

/** The stages of one request that comes alone. */
const stagesOf = async (status: number, request: () => Promise<Response>): Promise<Stage[]> => {
  await broker.settle();
  log.reset();
  const answer = await request();
  const stages = log.stages();
  expect(answer.status).toBe(status);
  return stages;
};

const callback = async (userId: string, link = authPath(app, userId)) => {
  const { authorizeUrl, cookies } = await openLink(broker, link);
  const url = await consent(broker, authorizeUrl, 'nora');
  return stagesOf(302, () => broker.request(url, { headers: { Cookie: cookies } }));
};
const connectSession = async (userId: string): Promise<string> => {
  const minted = await app.call('POST', '/withings/connect-sessions', { user_id: userId, redirect_uri: WOMOJI });
  return (await minted.json<{ auth_url: string }>()).auth_url;
};
const asManager = (path: string) => {
  const headers = { Authorization: `Bearer ${developer.token}` };
  return stagesOf(200, () => broker.request(`/apps/${app.id}${path}`, { headers }));
};
const sync = (afterMs: number) => {
  broker.advance(afterMs);
  return stagesOf(200, () => app.call('POST', '/withings/sync/ada'));
};

const ROUTES: Record<string, () => Promise<Stage[]>> = {
  auth: () => stagesOf(302, () => broker.request(authPath(app, 'bob'))),
  'auth at a front': async () => {
    const front = await startFront(broker, {}, log);
    await front.replicate();
    const stages = await stagesOf(302, () => front.request(authPath(app, 'bob')));
    expect(front.handedOver).toEqual([]);
    return stages;
  },
  'auth with a connect session': async () => {
    const link = await connectSession('bob');
    return stagesOf(302, () => broker.request(link));
  },
  callback: () => callback('bob'),
  'callback of a connected user': () => callback('bob'),
  'callback of a connect session': async () => callback('bob', await connectSession('bob')),
  status: () => stagesOf(200, () => app.call('GET', '/withings/status/ada')),
  'metrics page, named metrics': () => stagesOf(200, () => app.call('GET', '/metrics/ada?metric=weight')),
  'metrics page, all metrics': () => stagesOf(200, () => app.call('GET', '/metrics/ada')),
  'metrics page, changed since': async () => {
    const known = (await app.call('GET', '/metrics/ada')).headers.get('ETag') ?? '';
    const headers = { 'X-API-Key': app.key, 'If-None-Match': known.replace(/-\d+-json/, '-0-json') };
    return stagesOf(200, () => broker.request(`/apps/${app.id}/metrics/ada`, { headers }));
  },
  'latest metrics': () => stagesOf(200, () => app.call('GET', '/metrics/ada/latest')),
  'status, asked by a manager': () => asManager('/withings/status/ada'),
  'metrics page, asked by a manager': () => asManager('/metrics/ada'),
  'latest metrics, asked by a manager': () => asManager('/metrics/ada/latest'),
  sync: () => sync(60_000),
  'sync with a refresh': () => sync(4 * 60 * 60_000),
};
const measured = new Map<string, Stage[]>();
const of = (route: string): Stage[] => measured.get(route) ?? [];

const NAMES: Record<TripTo, string> = { d1: 'D1', kv: 'KV', withings: 'Withings' };
const written = (stages: readonly Stage[]): string =>
  stages
    .map((stage) =>
      (['d1', 'kv', 'withings'] as const)
        .filter((to) => stage.has(to))
        .map((to) => NAMES[to])
        .join(' + '),
    )
    .join(', ');
/** A row of a Markdown table without its padding. */
const rowsOf = (page: string): string[] =>
  page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.replaceAll(/ +/g, ' '));

/** As it was before trips were made at once: at the commit "Hold the tests' clock while D1 is answering". */
const D1_BEFORE: Record<string, number> = {
  auth: 1,
  'auth at a front': 1,
  'auth with a connect session': 2,
  callback: 4,
  'callback of a connected user': 4,
  'callback of a connect session': 5,
  status: 1,
  'metrics page, named metrics': 2,
  'metrics page, all metrics': 3,
  'metrics page, changed since': 3,
  'latest metrics': 2,
  'status, asked by a manager': 1,
  'metrics page, asked by a manager': 3,
  'latest metrics, asked by a manager': 2,
  sync: 4,
  'sync with a refresh': 7,
};

describe('trips in sequence', () => {
  test.each([
    ['auth', 1],
    ['auth at a front', 1],
    ['auth with a connect session', 1],
    ['callback', 2],
    ['callback of a connected user', 2],
    ['callback of a connect session', 2],
    ['status', 1],
    ['metrics page, named metrics', 1],
    ['metrics page, all metrics', 1],
    ['metrics page, changed since', 1],
    ['latest metrics', 1],
    ['status, asked by a manager', 1],
    ['metrics page, asked by a manager', 1],
    ['latest metrics, asked by a manager', 1],
    ['sync', 3],
    ['sync with a refresh', 5],
  ])('%s: %i to D1', (route, most) => {
    expect(d1InSequence(of(route))).toBe(most);
  });

  test('are in the documentation as they are', () => {
    const rows = Object.keys(ROUTES).map(
      (route) => `| ${route} | ${D1_BEFORE[route]} | ${d1InSequence(of(route))} | ${written(of(route))} |`,
    );
    expect(rowsOf(performancePage)).toEqual(expect.arrayContaining(rows));
  });
});

describe('with one Worker placed beside a database in Western Europe', () => {
  const cities = Object.keys(ROUND_TRIP_MS) as City[];
  const auth = (city: City) => latencyMs(city, of('auth'), MAX_KV_WAIT_MS);
  const atFront = (city: City) => latencyAtFrontMs(city, of('auth at a front'), MAX_KV_WAIT_MS);

  test.each(cities)('%s waits no longer than the goals say', (city) => {
    expect(auth(city)).toBeLessThanOrEqual(ROUND_TRIP_MS[city] + 40);
    expect(latencyMs(city, of('status'))).toBeLessThanOrEqual(ROUND_TRIP_MS[city] + 40);
    expect(latencyMs(city, of('callback'))).toBeLessThanOrEqual(550);
    expect(latencyMs(city, of('sync'))).toBeLessThanOrEqual(700);
    expect(latencyMs(city, of('sync with a refresh'))).toBeLessThanOrEqual(700);
  });

  test.each(cities.filter((city) => REPLICA_ROUND_TRIP_MS[city] < 100))(
    '%s, with a replica near it and a front, waits no longer than the goal for a link',
    (city) => {
      expect(atFront(city)).toBeLessThanOrEqual(60);
    },
  );

  test('the documentation has what each city waits', () => {
    const rows = cities.map((city) => {
      const waits = ['status', 'callback', 'metrics page, named metrics', 'sync', 'sync with a refresh'];
      const ms = [atFront(city), auth(city), ...waits.map((route) => latencyMs(city, of(route)))];
      return `| ${city} | ${ROUND_TRIP_MS[city]} | ${ms.join(' | ')} |`;
    });
    expect(rowsOf(performancePage)).toEqual(expect.arrayContaining(rows));
  });
});

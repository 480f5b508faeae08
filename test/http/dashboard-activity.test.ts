import { env } from 'cloudflare:workers';
import { beforeEach, expect, test } from 'vitest';

import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from '../support/broker.ts';
import { type DashboardBrowser, dashboardBrowser } from '../support/dashboard.ts';
import { addPerson } from '../support/people.ts';
import { weighNow } from '../support/pushes.ts';

/** What the dashboard shows of how data comes, and how fast. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let broker: Broker;
let browser: DashboardBrowser;
let app: TestApp;

beforeEach(async () => {
  await emptyTables();
  broker = await startBroker({ bindings: { NOTIFY_APPLI: '1,2,4' } });
  app = await makeApp(broker, 'Womoji', undefined, 'all');
  browser = dashboardBrowser(broker);
});

/** A user with a weigh-in that Withings pushed: the subscription is made by ticks. */
const pushedUser = async () => {
  const ada = addPerson(broker, 'ada');
  weighNow(broker, ada, 60);
  broker.advance(DAY_MS);
  await connect(broker, app, 'ada', 'ada');
  for (let ticks = 0; ticks < 3; ticks += 1) {
    broker.advance(MINUTE_MS);
    await broker.tick();
    await broker.settle();
  }
  weighNow(broker, ada, 61);
  await broker.simulator.deliverPushes();
  await broker.settle();
};

/** A page, signed in now: sessions end while the clock runs. */
const page = async (path: string) => {
  await browser.signIn(broker.operatorToken);
  return (await browser.get(path)).html;
};
const overview = () => page(`/dashboard/apps/${app.id}`);
const legends = (html: string) =>
  [...html.matchAll(/<span class="swatch">.*?<\/svg>([^<]*)</gs)].map(([, label = '']) => label.trim());

test('an app’s Overview and the broker’s page plot pushes and syncs a day, and the time from weigh-in to stored', async () => {
  await pushedUser();
  const shown = ['Pushes: 1', expect.stringMatching(/^Syncs: [1-9]$/), expect.stringMatching(/^Refreshes: \d$/)];
  const delays = [
    expect.stringMatching(/^Median: within \d+ (sec|min)$/),
    expect.stringMatching(/^95th percentile: within \d+ (sec|min)$/),
  ];
  for (const html of [await overview(), await page('/dashboard/broker')]) {
    expect(legends(html)).toEqual([...shown, ...delays]);
    expect(html).not.toMatch(/NaN|Infinity|undefined/);
    // Nothing on it is about a person.
    // As a word: a random token may hold these letters.
    expect(html).not.toMatch(/\bada\b/);
    expect(html).not.toMatch(/\b6[01](\.0+)? kg/);
  }
});

test('without a weigh-in since the user connected, the Overview says so instead of a time', async () => {
  const ada = addPerson(broker, 'ada');
  weighNow(broker, ada, 60);
  broker.advance(DAY_MS);
  await connect(broker, app, 'ada', 'ada');
  await broker.settle();
  const html = await overview();
  expect(html).toContain('No weigh-in was stored yet');
  expect(legends(html)).toHaveLength(3);
});

test('a time of months is shown as longer than all that are told apart', async () => {
  await pushedUser();
  const day = Math.floor(broker.now() / DAY_MS);
  await env.DB.prepare('UPDATE connections SET activity = ?1')
    .bind(JSON.stringify({ [day]: { s: 2, d0: 1, d18: 2 }, [day - 29]: { s: 1, d14: 1 } }))
    .run();
  const html = await overview();
  expect(legends(html).slice(3)).toEqual(['Median: within 1 day', '95th percentile: over 30 days']);
  expect(html).not.toMatch(/NaN|Infinity|undefined/);
});

test('the list of users says as of when each one’s data is, how it comes, and when the last push came', async () => {
  await pushedUser();
  await connect(broker, app, 'bob', 'nora');
  await app.call('DELETE', '/withings/disconnect/bob');
  const html = await page(`/dashboard/apps/${app.id}/users`);
  const cells = (user: string) => {
    const row = html.split('<tr role="row"').find((text) => text.includes(`>${user}</a>`)) ?? '';
    return Object.fromEntries(
      [...row.matchAll(/data-label="([^"]*)"><span>(.*?)<\/span><\/td>/gs)].map(([, label = '', cell = '']) => [
        label,
        cell.replaceAll(/<[^>]*>/g, ''),
      ]),
    );
  };
  expect(cells('ada')).toMatchObject({
    'Data as of': 'just now',
    'Data comes': 'by Withings’ pushes',
    'Last push': 'just now',
  });
  expect(cells('bob')).toMatchObject({ 'Data comes': 'not now', 'Last push': 'never' });
});

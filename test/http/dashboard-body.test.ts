import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { RANGES } from '../../src/http/dashboard/body-data.ts';
import { type Broker, makeApp, type TestApp } from '../support/broker.ts';
import { connectAda } from '../support/connect-ada.ts';
import type { DashboardBrowser } from '../support/dashboard.ts';
import { startDashboard } from '../support/start-dashboard.ts';

/** A user's body data on their page. */

let broker: Broker;
let browser: DashboardBrowser;

beforeEach(async () => {
  ({ broker, browser } = await startDashboard());
});

test.each([0, -0, 5e-324, 1e15, 4.6e15, 1e16, 1e22, -1e22, 1e99, 1e101, 1e300, 1.7e308, -1.7e308])(
  'a user’s page is shown with a value of %s, alone and among others',
  async (value) => {
    const app = await makeApp(broker);
    await connectAda(broker, app);
    const path = `/dashboard/apps/${app.id}/users/ada`;
    const newest = await env.DB.prepare('SELECT max(measured_seconds) AS n FROM measurements').first<number>('n');
    await env.DB.prepare('UPDATE measurements SET value = ?1 WHERE measured_seconds = ?2').bind(value, newest).run();
    for (const range of ['month', 'quarter', 'year', 'all']) {
      expect((await browser.get(`${path}?range=${range}`)).status, range).toBe(200);
    }
    await env.DB.prepare('UPDATE measurements SET value = ?1').bind(value).run();
    for (const range of ['month', 'all']) {
      const { status, html } = await browser.get(`${path}?range=${range}`);
      expect(status, range).toBe(200);
      expect(html).not.toMatch(/NaN|Infinity/);
    }
  },
);

describe('a user’s page', () => {
  const DAY = 24 * 60 * 60;
  let app: TestApp;
  let path: string;
  beforeEach(async () => {
    app = await makeApp(broker);
    await connectAda(broker, app);
    path = `/dashboard/apps/${app.id}/users/ada`;
  });
  /** Leaves only these weights, so many days ago; 80 kg and one more each. */
  const leaveWeights = async (daysAgo: readonly number[], weights?: readonly number[]) => {
    const known = await env.DB.prepare(
      'SELECT connection_id, source_id FROM measurements WHERE type = 1 ORDER BY measured_seconds DESC LIMIT 1',
    ).first<{ connection_id: number; source_id: number }>();
    const now = Math.floor(broker.now() / 1_000);
    const rows = daysAgo.map((days, index) => [
      now - Math.floor(days * DAY),
      index + 1,
      weights?.[index] ?? 80 + index,
    ]);
    await env.DB.batch([
      env.DB.prepare('DELETE FROM measurements'),
      env.DB.prepare(
        `INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
         SELECT ?1, 1, -1, 0, value ->> 0, value ->> 1, value ->> 2, ?2 FROM json_each(?3)`,
      ).bind(known?.connection_id, known?.source_id, JSON.stringify(rows)),
    ]);
  };
  const weightOf = (html: string): string => /<figure><figcaption><span>Weight .*?<\/figure>/s.exec(html)?.[0] ?? '';

  test('names the newest weight and its day beside the plot, whatever the range, and the change over it', async () => {
    await leaveWeights([100, 200, 300]);
    const inRange = weightOf((await browser.get(`${path}?range=year`)).html);
    const beyond = weightOf((await browser.get(`${path}?range=week`)).html);
    for (const plot of [inRange, beyond]) {
      expect(plot).toContain('80.0 kg');
      expect(plot).toContain('7 Mar 2026');
    }
    expect(beyond).toContain('No values in this time');
    expect(beyond).not.toContain('since');
    expect(inRange).toMatch(/−2\.0 kg\s+since 19 Aug 2025/);
  });

  test.each(['week', 'month', 'quarter', 'year', 'all'])(
    'names the change from the first value to the newest as /delta does, over %s',
    async (range) => {
      // A heavy newest week after a heavier first one: the means of both would have the change of another sign.
      const days = [0.1, 0.2, 1, 2, 3, 4, 5, 6, 6.5, 20, 29.5, 80, 89, 200, 300, 364, 364.5, 900, 901];
      await leaveWeights(days, [84.55, 79, ...days.slice(2).map((_, index) => (index % 2 === 0 ? 90.15 : 80.05))]);
      const { days: back } = RANGES[range as keyof typeof RANGES];
      const from = back === undefined ? '' : `&from=${new Date(broker.now() - back * DAY * 1_000).toISOString()}`;
      const delta = await app.call('GET', `/metrics/ada/delta?metric=weight${from}`);
      const { data } = (await delta.json()) as { data: { change: number; first: { measured_at: string } }[] };
      const { change, first } = data[0] ?? { change: 0, first: { measured_at: '' } };
      const size = Math.abs(change).toFixed(2).replace(/0$/, '');
      const day = new Date(first.measured_at.slice(0, 10)).toLocaleDateString('en-GB', {
        day: 'numeric',
        month: 'short',
        year: 'numeric',
        timeZone: 'UTC',
      });
      const plot = weightOf((await browser.get(`${path}?range=${range}`)).html);
      expect(change).not.toBe(0);
      expect(plot).toContain(`${change < 0 ? '−' : '+'}${size} kg since ${day}`);
    },
  );

  test('shows few values one by one, not their mean, and each number alike wherever it stands', async () => {
    await leaveWeights([3, 3.1], [84.55, 61.45]);
    const { html } = await browser.get(path);
    const plot = weightOf(html);
    expect(plot).toContain('single values');
    expect(plot.match(/<circle class="dot"/g)).toHaveLength(2);
    expect(plot).toMatch(/aria-label="12 Jun 2026, \d\d:\d\d: 84\.55 kg"/);
    expect(plot).toContain('<th scope="col">Measured</th>');
    expect(plot).toContain('<td class="number">61.45</td>');
    expect(html.match(/84\.55 kg/g)?.length).toBeGreaterThanOrEqual(3);
    expect(html).not.toMatch(/\b(84\.5|84\.6|61\.4|61\.5|73\.0?) kg/);
  });

  test('spans the chosen range, leaves gaps and gives each point its value', async () => {
    await leaveWeights([5, 7, 50, 52]);
    const plot = weightOf((await browser.get(`${path}?range=quarter`)).html);
    // 90 days in 450 units, from 58: the points stand where their days are, and within a day where their hours are.
    const xs = [...plot.matchAll(/<circle class="dot" cx="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(xs.map((x) => Math.floor((x - 58) / 5))).toEqual([38, 40, 83, 85]);
    expect(plot.match(/<path class="line" d="M/g)).toHaveLength(2);
    expect(plot).toMatch(/<g class="point" tabindex="-1" role="img" aria-label="10 Jun 2026, \d\d:\d\d: 80\.0 kg">/);
    expect(plot).toContain('<th scope="col">Measured</th>');
  });

  test('heads a table by what it holds, and shows one value alone', async () => {
    await leaveWeights(Array.from({ length: 20 }, (_, index) => index * 17 + 1));
    const monthly = weightOf((await browser.get(`${path}?range=all`)).html);
    expect(monthly).toMatch(/<th scope="col">Month<\/th>/);
    expect(weightOf((await browser.get(`${path}?range=year`)).html)).toMatch(/<th scope="col">Week<\/th>/);
    await leaveWeights([3]);
    const alone = weightOf((await browser.get(path)).html);
    expect(alone.match(/<circle class="dot"/g)).toHaveLength(1);
    expect(alone).not.toContain('since');
  });

  test('offers every metric that there is, segments too, and the newest value of each with its source', async () => {
    await env.DB.prepare(
      `INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
       SELECT connection_id, column1, column2, 0, measured_seconds, group_id, column3, source_id
       FROM (SELECT * FROM measurements WHERE type = 1 ORDER BY measured_seconds DESC LIMIT 1),
         (VALUES (9, -1, 80), (10, -1, 120), (174, 3, 1.5), (174, 2, 1.6))`,
    ).run();
    const { html } = await browser.get(path);
    for (const name of ['weight', 'bmi', 'fat_mass_segment', 'systolic_blood_pressure']) {
      expect(html).toContain(`<option value="${name}">`);
    }
    expect(html).toMatch(/Systolic blood pressure <span class="meta">single values/);
    expect(html).toContain('120 mmHg');
    expect(html).toMatch(/Europe\/\w+, <time/);
    expect(html).toContain('this person’s device');
    const segments = (await browser.get(`${path}?metric=fat_mass_segment`)).html;
    expect(segments).toContain('Fat mass, left arm');
    expect(segments).toMatch(/Fat mass, right arm.*1\.6 kg/s);
    expect(segments).not.toContain('<figcaption><span>Weight');
    expect((await browser.get(`${path}?metric=nonsense`)).html).toContain('<figcaption><span>Weight');
  });

  test('is downloaded as a table of what is shown', async () => {
    await leaveWeights([5, 50, 500]);
    const file = await browser.get(`${path}/csv?range=quarter&metric=`);
    expect(file.headers.get('Content-Type')).toContain('text/csv');
    expect(file.headers.get('Content-Disposition')).toContain('metrics-ada-2026-04-26-to-2026-06-10.csv');
    expect(file.html.split('\r\n').filter((line) => line.startsWith('weight,'))).toHaveLength(2);
    const all = await browser.get(`${path}/csv?range=all&metric=weight`);
    expect(all.html.split('\r\n').filter((line) => line.startsWith('weight,'))).toHaveLength(3);
    expect((await browser.get(`${path}/csv?metric=nonsense`)).status).toBe(400);
  });

  test('has in its file what is shown, or all metrics, and says where a file ends', async () => {
    await leaveWeights([5]);
    await env.DB.prepare(
      `INSERT INTO measurements (connection_id, type, position, ambiguous, measured_seconds, group_id, value, source_id)
       SELECT connection_id, 8, -1, 0, measured_seconds, group_id, 20, source_id FROM measurements`,
    ).run();
    const { html } = await browser.get(path);
    expect(html).toContain('It ends after 10,000 values');
    const all = /<a href="([^"]*\/csv[^"]*)">all metrics<\/a>/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const namesIn = async (file: string) =>
      (await browser.get(file)).html.split('\r\n').flatMap((line) => /^[a-z_]+(?=,\d)/.exec(line)?.[0] ?? []);
    expect((await namesIn(`${path}/csv?range=quarter&metric=`)).sort()).toEqual(['weight']);
    expect((await namesIn(all)).sort()).toEqual(['fat_mass', 'weight']);
  });

  test('says how many measurements may be another person’s, and shows them apart if asked', async () => {
    await leaveWeights([1, 2, 3, 20], [80, 55, 81, 56]);
    await env.DB.prepare('UPDATE measurements SET ambiguous = 1 WHERE value < 60').run();
    const month = (await browser.get(`${path}?range=month`)).html;
    expect(month).toContain('2 measurements of this time may be another person’s: not shown.');
    expect(month).not.toMatch(/5[56]\.0 kg/);
    expect((await browser.get(`${path}?range=week`)).html).toContain('1 measurement of this time');
    expect((await browser.get(`${path}?range=month&metric=weight`)).html).toContain('2 measurements of this time');
    const link = /<a href="([^"]*)">Show them<\/a>/.exec(month)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const shown = (await browser.get(link)).html;
    expect(weightOf(shown)).not.toMatch(/5[56]\.0 kg/);
    expect(shown).toMatch(/<figcaption><span>Weight, perhaps another person’s .*?55\.0 kg.*?<\/figure>/s);
    expect(shown).toContain('Hide them');
    expect(shown).toContain('<input type="hidden" name="include" value="ambiguous"/>');
    const weights = async (query: string) =>
      (await browser.get(`${path}/csv?range=month&metric=weight${query}`)).html.match(/^weight,/gm)?.length;
    expect([await weights(''), await weights('&include=ambiguous')]).toEqual([2, 4]);
    await env.DB.prepare('UPDATE measurements SET ambiguous = 1').run();
    const none = (await browser.get(`${path}?range=month`)).html;
    expect(none).toContain('4 measurements of this time may be another person’s');
    await leaveWeights([1]);
    expect((await browser.get(path)).html).not.toContain('another person’s');
  });

  test('says which line is the trend, where there is one', async () => {
    await leaveWeights(Array.from({ length: 20 }, (_, index) => index + 0.1));
    const daily = weightOf((await browser.get(`${path}?range=month`)).html);
    expect(daily).toMatch(/class="swatch">.*Trend: \d\d\.\d+ kg/);
    expect(daily.match(/<path class="line faint"/g)).toHaveLength(1);
    expect(weightOf((await browser.get(`${path}?range=week`)).html)).not.toContain('Trend');
  });

  test('labels even steps up to the newest, no two of which touch, as large as they are on a phone', async () => {
    const WIDEST = 76;
    // Months differ by a tenth.
    const UNEVEN = 1.15;
    for (const days of [1, 20, 100, 200, 300, 364]) {
      await leaveWeights([1, days + 1]);
      for (const range of ['week', 'month', 'quarter', 'year', 'all']) {
        const plot = weightOf((await browser.get(`${path}?range=${range}`)).html);
        const found = [...plot.matchAll(/<text x="([\d.]+)" y="228" text-anchor="(\w+)">/g)];
        const places = found.map(([, x]) => Number(x));
        const steps = places.slice(1).map((x, index) => x - (places[index] ?? 0));
        expect(Math.max(...steps) / Math.min(...steps), `${range} of ${days} days`).toBeLessThan(UNEVEN);
        expect(508 - (places.at(-1) ?? 0), `${range} of ${days} days`).toBeLessThan(Math.min(...steps, 450) * UNEVEN);
        const labels = found.map(
          ([, x, anchor]) =>
            Number(x) - WIDEST * { start: 0, middle: 0.5, end: 1 }[anchor as 'start' | 'middle' | 'end'],
        );
        for (const [index, start] of labels.entries()) {
          expect(start - (labels[index - 1] ?? -Infinity), `${range} of ${days} days`).toBeGreaterThanOrEqual(WIDEST);
        }
      }
    }
  });
});

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { type Broker, makeApp } from '../support/broker.ts';
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
  let path: string;
  beforeEach(async () => {
    const app = await makeApp(broker);
    await connectAda(broker, app);
    path = `/dashboard/apps/${app.id}/users/ada`;
  });
  /** Leaves only these weights, so many days ago. */
  const leaveWeights = async (daysAgo: readonly number[]) => {
    const { results } = await env.DB.prepare(
      'SELECT group_id FROM measurements WHERE type = 1 ORDER BY measured_seconds DESC LIMIT ?1',
    )
      .bind(daysAgo.length)
      .all<{ group_id: number }>();
    await env.DB.prepare(
      'DELETE FROM measurements WHERE type <> 1 OR group_id NOT IN (SELECT value FROM json_each(?1))',
    )
      .bind(JSON.stringify(results.map(({ group_id: id }) => id)))
      .run();
    for (const [index, days] of daysAgo.entries()) {
      await env.DB.prepare('UPDATE measurements SET measured_seconds = ?1, value = ?2 WHERE group_id = ?3')
        .bind(Math.floor(broker.now() / 1_000) - days * DAY, 80 + index, results[index]?.group_id ?? 0)
        .run();
    }
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

  test('spans the chosen range, leaves gaps and gives each point its value', async () => {
    await leaveWeights([5, 7, 50, 52]);
    const plot = weightOf((await browser.get(`${path}?range=quarter`)).html);
    // 90 days in 450 units, from 58: the points stand where their days are.
    const xs = [...plot.matchAll(/<circle class="dot" cx="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(xs.map(Math.round)).toEqual([38, 40, 83, 85].map((days) => Math.round(58 + days * 5)));
    expect(plot.match(/<path class="line" d="M/g)).toHaveLength(2);
    expect(plot).toMatch(/<g class="point" tabindex="-1" role="img" aria-label="2026-06-10: 80\.0 kg">/);
    expect(plot).toContain('<th scope="col">Day</th>');
  });

  test('heads a table by what it holds, and shows one value alone', async () => {
    const monthly = weightOf((await browser.get(`${path}?range=all`)).html);
    expect(monthly).toMatch(/<th scope="col">(Month|Day)<\/th>/);
    expect(weightOf((await browser.get(`${path}?range=year`)).html)).toMatch(/<th scope="col">(Week|Day)<\/th>/);
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
    expect(html).toMatch(/Systolic blood pressure <span class="meta">daily mean/);
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

  test('has no two labels that touch, as large as they are on a phone', async () => {
    const WIDEST = 76;
    for (const days of [1, 20, 100, 200, 300, 364]) {
      await leaveWeights([1, days + 1]);
      for (const range of ['week', 'month', 'quarter', 'year', 'all']) {
        const plot = weightOf((await browser.get(`${path}?range=${range}`)).html);
        const labels = [...plot.matchAll(/<text x="([\d.]+)" y="228" text-anchor="(\w+)">/g)].map(
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

import { expect, test } from 'vitest';

import { walk } from '../e2e/client.ts';
import { ready } from '../e2e/shared.ts';
import { openPage } from './open-browser.ts';
import { signIn } from './sign-in.ts';

test('the dashboard’s script copies, shows times in the reader’s zone, and moves between points by the arrow keys', async () => {
  const page = await openPage({ timezoneId: 'Asia/Kolkata', permissions: ['clipboard-read', 'clipboard-write'] });
  await signIn(page, ready);
  await walk(ready, { userId: 'reader' });
  await fetch(`${ready.url}/apps/${ready.app_id}/withings/sync/reader`, {
    method: 'POST',
    headers: { 'X-API-Key': ready.api_key },
  });
  await page.goto(`${ready.url}/dashboard/apps/${ready.app_id}/users/reader`);
  await page.getByRole('button', { name: 'Copy the app’s id' }).click();
  await page.getByText('Copied').waitFor();
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe(ready.app_id);
  const moment = page.locator('time[data-moment]').first();
  const iso = (await moment.getAttribute('datetime')) ?? '';
  const there = new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'Asia/Kolkata',
    timeZoneName: 'short',
  });
  expect(await moment.textContent()).toContain('GMT+5:30');
  expect(await moment.textContent()).toBe(there.format(new Date(iso)));
  expect(await moment.getAttribute('title')).toContain('UTC');
  const plot = page.getByRole('figure').filter({ hasText: 'Weight' }).first();
  const points = plot.locator('.point');
  await plot.locator('.point[tabindex="0"]').focus();
  await page.keyboard.press('ArrowLeft');
  const last = await points.count();
  expect(await points.nth(last - 2).getAttribute('tabindex')).toBe('0');
  expect(
    await points
      .nth(last - 2)
      .locator('.tip')
      .isVisible(),
  ).toBe(true);
  expect(
    await points
      .nth(last - 1)
      .locator('.tip')
      .isVisible(),
  ).toBe(false);
});

import type { Page } from 'playwright-core';

/** Signs the operator in at the dashboard. */
export const signIn = async (page: Page, ready: { url: string; admin_token: string }): Promise<void> => {
  await page.goto(`${ready.url}/dashboard`);
  await page.getByLabel('Access token').fill(ready.admin_token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/dashboard/apps');
};

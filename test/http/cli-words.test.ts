import { beforeAll, expect, test } from 'vitest';

import { call } from '../../src/cli/call.ts';
import { runChecks } from '../../src/cli/checks.ts';
import { type CliFailure, isCliFailure } from '../../src/cli/exit.ts';
import { whoami as askWhoami } from '../../src/client/accounts.ts';
import { createConnectSession } from '../../src/client/connections.ts';
import { whoami } from '../../src/http/api/accounts/contract.ts';
import { connectSession } from '../../src/http/api/connections/contract.ts';
import { type Broker, makeApp, ORIGIN, startBroker, type TestApp } from '../support/broker.ts';

/** What `mushu` says if the broker refuses. */

let broker: Broker;
let app: TestApp;
beforeAll(async () => {
  broker = await startBroker();
  app = await makeApp(broker);
});

const as = (credential: string) => ({ url: ORIGIN, credential, fetch: broker.fetch });

const failureOf = async (run: () => Promise<unknown>): Promise<CliFailure> => {
  try {
    await run();
  } catch (error) {
    if (isCliFailure(error)) return error;
    throw error;
  }
  throw new Error('it was not refused');
};

test('a redirect URI that is not allowed is said once, with the command and without its installation', async () => {
  const body = { user_id: 'ada', redirect_uri: 'womoji://withings/succes' };
  const { message } = await failureOf(() =>
    call(connectSession, createConnectSession, as(broker.operatorToken), app.id, body),
  );
  expect(message.match(/redirect_uri not allowed/gi)).toHaveLength(1);
  expect(message).toContain('`mushu health redirect-uri add womoji://withings/succes --app');
  expect(message).not.toContain('npm install');
});

test("an app's key in place of an access token is named as one", async () => {
  const { message, remedy } = await failureOf(() => call(whoami, askWhoami, as(app.key)));
  expect(message).toMatch(/^Access token not valid: This is an app's key; log in with an access token\.\ncode /);
  expect(message).not.toContain(app.key);
  expect(remedy).toBe('Sign in again: mushu login');
});

test('the doctor says one remedy of a bad token', async () => {
  for (const token of ['mushu_access_no', app.key]) {
    const bad = (await runChecks(as(token), broker.now)).filter(({ ok }) => !ok);
    expect(bad.map(({ check }) => check)).toEqual(['token']);
    expect(JSON.stringify(bad).match(/mushu login/g)).toHaveLength(1);
  }
});

test('the doctor says how often a tick is noted', async () => {
  const cronOf = async () =>
    (await runChecks(as(broker.operatorToken), broker.now)).find(({ check }) => check === 'cron');
  expect((await cronOf())?.found).not.toContain('noted');
  await broker.tick();
  expect((await cronOf())?.found).toMatch(/last tick noted \S+Z \(noted at most every 60 minutes\)$/);
});

test('a page about a link to no app speaks of no credential', async () => {
  const link = `/apps/app_00000000000000000000/withings/auth?user_id=ada&redirect_uri=a:b`;
  const page = await broker.request(link, { headers: { Accept: 'text/html' } });
  expect(page.status).toBe(404);
  const text = await page.text();
  expect(text).toContain('There is no app with this id. Check the app id in the link.');
  expect(text).not.toContain('credential');
});

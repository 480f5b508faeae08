import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { authPath, connect, consent, makeApp, openLink, startBroker } from '../support/broker.ts';
import { plantedCount, recordAnswer } from '../support/canaries.ts';
import { findLeaks } from '../support/leaks.ts';
import { findScans } from '../support/query-plans.ts';

/** The searches that end every file which uses the harness are themselves shown to find what they are for. */

test('a token planted in D1, in KV, in the log and in an answer is found in each', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  await connect(broker, app, 'ada', 'nora');
  const [grant] = broker.simulator.state.grants.all();
  const token = grant?.pairs[0]?.accessToken ?? '';
  expect(token).toMatch(/^[0-9a-f]{40}$/);
  expect(await findLeaks()).toEqual([]);

  await env.DB.prepare('UPDATE connections SET time_zone = ?').bind(`Europe/${token}`).run();
  expect(await findLeaks()).toEqual([{ secret: 'access token of Withings', where: 'D1 connections' }]);
  await env.DB.prepare("UPDATE connections SET time_zone = 'UTC'").run();

  await env.LINKS.put('link:planted', token);
  expect(await findLeaks()).toEqual([{ secret: 'access token of Withings', where: 'KV' }]);
  await env.LINKS.delete('link:planted');

  const logged = broker.logs.push({ level: 'info', event: 'bug', reason: token });
  expect(await findLeaks()).toEqual([{ secret: 'access token of Withings', where: 'log' }]);
  broker.logs.splice(logged - 1, 1);
});

test('a key may stand in the answer that made it and in no other', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  expect(await findLeaks()).toEqual([]);

  const echoed = new Response(`You sent ${app.key}`);
  const forget = await recordAnswer('GET', 'https://broker.example.com/echo', echoed);
  expect(await findLeaks()).toEqual([{ secret: 'key', where: 'answer to GET /echo' }]);
  forget();
});

test('what a connect flow handles is all planted: keys, states, codes, tokens', async () => {
  const broker = await startBroker();
  const before = plantedCount();
  const app = await makeApp(broker);
  const { authorizeUrl } = await openLink(broker, authPath(app, 'ada'));
  await broker.request(await consent(broker, authorizeUrl, 'nora'));
  // The app's key, the state, the code, and two tokens.
  expect(plantedCount() - before).toBe(5);
});

test.each([
  ['a table', 'SELECT * FROM connections WHERE time_zone = ?'],
  ['an alias', 'SELECT * FROM groups AS g WHERE g.group_id = ?1'],
  ['an index', 'SELECT count(*) FROM connections'],
  ['a table inside a join', 'SELECT * FROM json_each(?) AS wanted CROSS JOIN groups ON groups.group_id = wanted.value'],
  ['a table to delete from', 'DELETE FROM claims WHERE outcome = ?'],
])('a scan of %s is found', async (_, sql) => {
  expect(await findScans([sql])).toEqual([expect.stringMatching(/^SCAN /)]);
});

test.each([
  ['a look by key', 'SELECT * FROM connections WHERE id = ?'],
  ['a list that came with it', 'SELECT value FROM json_each(?) AS wanted'],
  [
    'rows that it makes up',
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n',
  ],
  ['a table that stays small', 'SELECT * FROM request_budgets'],
])('%s is no scan', async (_, sql) => {
  expect(await findScans([sql])).toEqual([]);
});

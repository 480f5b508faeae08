import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';

import { type Broker, makeApp, startBroker } from '../support/broker.ts';

type Entry = { action: string; actor: string; surface: string; subject: string; app_id: string; detail: object };
type Page = { data: Entry[]; next_cursor: string | null };

const read = async (broker: Broker, path: string): Promise<Page> => (await broker.manage('GET', path)).json<Page>();

test('what changed nothing leaves no entry in the audit trail', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  const before = await read(broker, `/apps/${app.id}/audit`);
  await broker.manage('PATCH', `/apps/${app.id}`, {});
  await broker.manage('DELETE', `/apps/${app.id}/keys/key_unknown`);
  await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: 'https://App.example.com/x' });
  await broker.manage('PUT', `/apps/${app.id}/redirect-uris`, { uri: 'https://app.example.com/withings/done' });
  await broker.manage('DELETE', `/apps/${app.id}/redirect-uris?uri=https%3A%2F%2Fnot.example.com%2F`);
  await broker.manage('PATCH', '/apps/app_unknown', { name: 'Nobody' });
  expect(await read(broker, `/apps/${app.id}/audit`)).toEqual(before);
  expect((await broker.manage('GET', '/apps/app_unknown/audit')).status).toBe(404);
});

test('each change is noted with who, through what, what and to what, and no entry holds a key', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  await broker.manage('PATCH', `/apps/${app.id}`, { link_policy: 'confirm', disabled: true });
  const { data: keys } = await (await broker.manage('GET', `/apps/${app.id}/keys`)).json<{ data: { id: string }[] }>();
  await broker.manage('DELETE', `/apps/${app.id}/keys/${keys[0]?.id}`);
  await broker.manage('DELETE', `/apps/${app.id}/keys/${keys[0]?.id}`);
  await broker.manage('DELETE', `/apps/${app.id}/redirect-uris?uri=womoji%3A%2F%2Fwithings%2Fsuccess`);

  const { data } = await read(broker, `/apps/${app.id}/audit`);
  expect(data.map(({ action }) => action).sort()).toEqual(
    [
      'app.created',
      'api_key.created',
      'redirect_uri.added',
      'redirect_uri.added',
      'app.changed',
      'api_key.revoked',
      'redirect_uri.removed',
    ].sort(),
  );
  for (const entry of data) expect(entry).toMatchObject({ actor: 'operator', surface: 'api', app_id: app.id });
  expect(data.find(({ action }) => action === 'app.changed')?.detail).toEqual({
    link_policy: 'confirm',
    disabled: true,
  });
  const { results } = await env.DB.prepare('SELECT * FROM audit_entries').all();
  expect(JSON.stringify(results)).not.toContain(app.key);
});

test('pages go on where they ended, and a foreign cursor is refused', async () => {
  const broker = await startBroker();
  const app = await makeApp(broker);
  for (let change = 0; change < 60; change += 1) {
    broker.advance(change % 3);
    await broker.manage('PATCH', `/apps/${app.id}`, { name: `Name ${change}` });
  }
  const first = await read(broker, `/apps/${app.id}/audit`);
  const second = await read(broker, `/apps/${app.id}/audit?cursor=${encodeURIComponent(first.next_cursor ?? '')}`);
  expect(first.data).toHaveLength(50);
  expect(second.next_cursor).toBeNull();
  const ids = [...first.data, ...second.data].map((entry) => JSON.stringify(entry));
  expect(new Set(ids).size).toBe(64);
  expect((await broker.manage('GET', `/apps/${app.id}/audit?cursor=1%20OR%201`)).status).toBe(400);
});

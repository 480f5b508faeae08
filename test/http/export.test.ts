import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { connectionIds, type Erasing, rowsWith, startErasing } from '../support/erasing.ts';

let erasing: Erasing;
beforeEach(async () => {
  erasing = await startErasing();
});

describe('exporting a user', () => {
  test('a user of whom nothing is stored is not found, and a made-up cursor is refused', async () => {
    expect((await erasing.app.call('GET', '/users/nobody/export')).status).toBe(404);
    await erasing.link('ada', 0);
    expect((await erasing.app.call('GET', '/users/ada/export?cursor=x')).status).toBe(400);
  });

  test('gives every stored group of every connection once, and no token; a cursor opens nobody else', async () => {
    await erasing.link('ada', 0);
    await erasing.app.call('DELETE', '/withings/disconnect/ada');
    await erasing.link('ada', 1);
    await erasing.link('bob', 2);
    const [bobs] = await connectionIds('bob');
    const groups: { group_id: number; measurements: unknown[] }[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const path: string = `/users/ada/export${cursor === '' ? '' : `?cursor=${cursor}`}`;
      const answer = await erasing.app.call('GET', path);
      expect(answer.status).toBe(200);
      const page: { groups: typeof groups; connections: unknown[]; next_cursor: string | null } = await answer.json();
      expect(page.connections).toHaveLength(2);
      expect(JSON.stringify(page)).not.toContain('sealed');
      groups.push(...page.groups);
      cursor = page.next_cursor;
    }
    const count = async (table: string) =>
      env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE connection_id <> ?`).bind(bobs).first<number>('n');
    expect(groups).toHaveLength((await count('groups')) ?? 0);
    expect(groups.flatMap(({ measurements }) => measurements)).toHaveLength((await count('measurements')) ?? 0);
    const foreign = await (
      await erasing.app.call('GET', `/users/ada/export?cursor=${bobs}.0`)
    ).json<{ groups: object[] }>();
    const ids = new Set(groups.map(({ group_id: id }) => id));
    for (const group of foreign.groups) expect(ids).toContain((group as { group_id: number }).group_id);
  });
});

describe('an export', () => {
  const entries = async () => {
    const { data } = await (
      await erasing.broker.manage('GET', `/apps/${erasing.app.id}/audit`)
    ).json<{ data: { action: string; actor: string; at: string }[] }>();
    return data.filter(({ action }) => action === 'user.exported');
  };

  test('that begins at a cursor is in the audit trail too', async () => {
    await erasing.link('ada', 0);
    const [id] = await connectionIds('ada');
    expect((await erasing.app.call('GET', `/users/ada/export?cursor=${id}.0`)).status).toBe(200);
    expect(await entries()).toHaveLength(1);
  });

  test('is noted once an hour for each who asks, and else writes nothing', async () => {
    await erasing.link('ada', 0);
    await erasing.link('bob', 1);
    for (let calls = 0; calls < 5; calls += 1) {
      expect((await erasing.app.call('GET', '/users/ada/export')).status).toBe(200);
      erasing.broker.advance(60_000);
    }
    expect(await entries()).toHaveLength(1);
    await erasing.app.call('GET', '/users/bob/export');
    await erasing.broker.manage('GET', `/apps/${erasing.app.id}/users/ada/export`);
    expect(new Set((await entries()).map(({ actor }) => actor)).size).toBe(2);
    expect(await entries()).toHaveLength(3);
    erasing.broker.advance(3_600_000);
    const before = await rowsWith('user.exported');
    await erasing.app.call('GET', '/users/ada/export');
    expect(await rowsWith('user.exported')).toHaveLength(before.length + 1);
  });
});

import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { connect, makeApp } from '../support/broker.ts';
import { type Feed, type Page, startFeed } from '../support/changes-feed.ts';
import { makeDeveloper } from '../support/developer.ts';
import { codeOf } from '../support/problem.ts';

/** The changes of all of an app's users: what a backend that applies them knows is what the metrics API says. */

let feed: Feed;
const start = async () => {
  feed = await startFeed();
};

describe('what is not answered', () => {
  beforeAll(start);

  test('a request without a key, with one of another app, or one that may not read', async () => {
    const other = await makeApp(feed.broker, 'Other');
    const path = `/apps/${feed.app.id}/changes`;
    expect(await codeOf(await feed.broker.request(path))).toBe('401 api_key_missing');
    const foreign = await feed.broker.request(path, { headers: { 'X-API-Key': other.key } });
    expect(await codeOf(foreign)).toBe('404 app_not_found');
    const made = await feed.broker.manage('POST', `/apps/${feed.app.id}/keys`, { name: 'sync only', scopes: ['sync'] });
    const { key } = await made.json<{ key: string }>();
    const unscoped = await feed.broker.request(path, { headers: { 'X-API-Key': key } });
    expect(await codeOf(unscoped)).toBe('403 insufficient_scope');
  });

  test("a user's token, and the token of a developer whose app it is not", async () => {
    const token = await feed.app.userToken('ada');
    const headers = { Authorization: `Bearer ${token}` };
    expect(await codeOf(await feed.broker.request(`/apps/${feed.app.id}/changes`, { headers }))).toBe(
      '403 user_token_not_taken',
    );
    const eve = await makeDeveloper(feed.broker);
    expect(await codeOf(await eve.call('GET', `/apps/${feed.app.id}/changes`))).toBe('404 app_not_found');
  });

  test.each(['limit=0', 'limit=501', 'limit=1e9', 'limit=-1', 'limit=many', 'limit=1.5'])('%s', async (query) => {
    const answer = await feed.ask(`?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'invalid_parameter', detail: expect.stringContaining('limit') });
  });

  test.each([
    ['garbage', 'x'],
    ['no JSON', btoa('no json')],
    ['another shape', btoa('["app",1]')],
    ['too long', 'A'.repeat(1_001)],
  ])('a cursor that is %s', async (_, cursor) => {
    const answer = await feed.ask(`?cursor=${encodeURIComponent(cursor)}`);
    expect(await codeOf(answer)).toBe('400 invalid_parameter');
  });

  test("another app's cursor, and nobody is read by one that was made up", async () => {
    const other = await makeApp(feed.broker, 'Third');
    const { next_cursor: cursor } = await (await feed.ask('', other)).json<Page>();
    expect(await codeOf(await feed.ask(`?cursor=${cursor}`))).toBe('400 invalid_parameter');
    feed.addPerson('private');
    await connect(feed.broker, feed.app, 'ada', 'private');
    const row = await env.DB.prepare('SELECT id FROM connections WHERE app_id = ?')
      .bind(feed.app.id)
      .first<{ id: number }>();
    const forged = btoa(JSON.stringify([other.id, 0, 0, [row?.id, 0, true]])).replaceAll('=', '');
    expect(await (await feed.ask(`?cursor=${forged}`, other)).json()).toMatchObject({ data: [], has_more: false });
  });

  test('before any of that, nothing is noted', async () => {
    const { results } = await env.DB.prepare('SELECT 1 FROM apps WHERE id = ? AND reads_changes')
      .bind(feed.app.id)
      .all();
    expect(results).toEqual([]);
  });
});

describe('a reader', () => {
  beforeEach(start);

  test('is given every user whole, then what changed, deletions included, and then nothing', async () => {
    const [ada, grace] = [feed.addPerson('ada'), feed.addPerson('grace')];
    const [first, second] = [feed.weigh(ada, 60, 1), feed.weigh(ada, 61, 2)].flat();
    feed.weigh(grace, 70);
    for (const user of ['ada', 'grace']) {
      await connect(feed.broker, feed.app, user, user);
      await feed.sync(user);
    }
    const reader = feed.startReader();
    const whole = await reader.readAll();
    expect(whole.filter(({ reset }) => reset)).toEqual([
      { user_id: 'ada', reset: true },
      { user_id: 'grace', reset: true },
    ]);
    expect(whole).toHaveLength(5);
    expect(await reader.readAll()).toEqual([]);

    feed.broker.simulator.state.weighIns.edit(ada, first?.grpid ?? 0, { weightKg: 62 });
    await feed.sync('ada');
    expect(await reader.readAll()).toMatchObject([
      { user_id: 'ada', group_id: first?.grpid, measurements: [{ metric: 'weight', value: 62, unit: 'kg' }] },
    ]);
    ada.groups.remove(second?.grpid ?? 0);
    await feed.sync('ada');
    expect(await reader.readAll()).toEqual([]);
    expect(await feed.sync('ada')).toMatchObject({ removed: 1 });
    expect(await reader.readAll()).toEqual([{ user_id: 'ada', group_id: second?.grpid, deleted: true }]);
    await feed.sync('grace');
    expect(await reader.readAll()).toEqual([]);
  });

  test('may be the owner of the app, with an access token', async () => {
    const owner = await makeDeveloper(feed.broker);
    const owned = await makeApp(feed.broker, 'Owned', owner.accountId);
    expect((await owner.call('GET', `/apps/${owned.id}/changes`)).status).toBe(200);
  });

  test('is given a new user, and the new account of an old one', async () => {
    const reader = feed.startReader();
    await reader.readAll();
    feed.weigh(feed.addPerson('ada'), 60);
    feed.weigh(feed.addPerson('other'), 80);
    await connect(feed.broker, feed.app, 'ada', 'ada');
    await feed.sync('ada');
    await reader.readAll();
    expect(reader.known('ada')).toHaveLength(1);
    await feed.app.call('DELETE', '/withings/disconnect/ada');
    await connect(feed.broker, feed.app, 'ada', 'other');
    expect(await reader.readAll()).toEqual([{ user_id: 'ada', reset: true }]);
    await feed.sync('ada');
    await reader.readAll();
    expect(reader.known('ada')).toEqual(await feed.served('ada'));
    await feed.app.call('DELETE', '/withings/disconnect/ada');
    await connect(feed.broker, feed.app, 'ada', 'ada');
    await reader.readAll(1);
    expect(reader.known('ada').join()).toContain('60');
    expect(reader.known('ada')).toEqual(await feed.served('ada'));
  });

  test('who was away for longer than changes are remembered is given the user anew', async () => {
    const ada = feed.addPerson('ada');
    feed.weigh(ada, 50, 25);
    await connect(feed.broker, feed.app, 'ada', 'ada');
    await feed.sync('ada');
    const [near, far] = [feed.startReader(), feed.startReader()];
    await Promise.all([near.readAll(), far.readAll()]);
    for (let index = 0; index < 17; index += 1) {
      feed.weigh(ada, 60 + index);
      expect(await feed.sync('ada')).toMatchObject({ added: 1 });
      if (index === 0) await near.readAll();
    }
    const changes = await near.readAll();
    expect(changes).toHaveLength(16);
    expect(changes.some(({ reset }) => reset)).toBe(false);
    expect((await far.readAll(5))[0]).toEqual({ user_id: 'ada', reset: true });
    for (const reader of [near, far]) expect(reader.known('ada')).toEqual(await feed.served('ada'));
    // More at once than is remembered of one sync.
    for (let index = 0; index < 33; index += 1) feed.weigh(ada, 60 + index, 2);
    await feed.sync('ada');
    expect((await near.readAll())[0]).toEqual({ user_id: 'ada', reset: true });
    expect(near.known('ada')).toEqual(await feed.served('ada'));
  });

  test('misses nothing of who moved on ahead of it, nor after the last of the order was erased', async () => {
    const people = ['ada', 'bea', 'cy'].map(feed.addPerson);
    for (const person of people) {
      feed.weigh(person, 60, 20);
      await connect(feed.broker, feed.app, person.id, person.id);
      await feed.sync(person.id);
    }
    const reader = feed.startReader();
    await reader.readAll();
    for (const user of ['cy', 'ada', 'bea', 'cy']) {
      for (const person of people.filter(({ id }) => id === user)) feed.weigh(person, 70);
      await feed.sync(user);
    }
    // `cy` was between the others, and has gone to the end.
    await reader.readPage(1);
    await reader.readAll(1);
    for (const { id } of people) expect(reader.known(id)).toEqual(await feed.served(id));

    await feed.app.call('DELETE', '/users/cy');
    for (const person of people.filter(({ id }) => id === 'ada')) feed.weigh(person, 75);
    await feed.sync('ada');
    expect(await reader.readAll()).toMatchObject([{ user_id: 'ada' }]);
    expect(reader.known('ada')).toEqual(await feed.served('ada'));
  });
});

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import { makeApp } from '../support/broker.ts';
import { connectionIds, type Erasing, startErasing } from '../support/erasing.ts';

/** `DELETE …/disconnect?withdraw=true` also ends the authorization at Withings. */

let erasing: Erasing;
beforeEach(async () => {
  erasing = await startErasing();
});

const withdraw = (userId = 'ada') => erasing.app.call('DELETE', `/withings/disconnect/${userId}?withdraw=true`);
const withdrawals = async () => {
  const trail = await erasing.broker.manage('GET', `/apps/${erasing.app.id}/audit`);
  const { data } = await trail.json<{ data: { action: string; detail: object }[] }>();
  return data.filter(({ action }) => action === 'user.withdrawn').map(({ detail }) => detail);
};

describe('disconnecting with withdraw', () => {
  test('leaves the authorization that another connection of the person holds', async () => {
    const other = await makeApp(erasing.broker, 'Other');
    await erasing.link('ada', 0);
    await erasing.link('ada', 0, other);
    const answer = await withdraw();
    expect(await answer.json()).toEqual({ connected: false, withings: { revoked: 0, kept: 1, failed: 0 } });
    expect(erasing.revocations).toEqual([]);
    expect((await other.call('POST', '/withings/sync/ada')).status).toBe(200);
  });

  test('disconnects when Withings is down, says that it failed, and the same call tries it again', async () => {
    await erasing.link('ada', 0);
    erasing.breakWithings(true);
    const answer = await withdraw();
    expect(await answer.json()).toEqual({ connected: false, withings: { revoked: 0, kept: 0, failed: 1 } });
    expect(await (await erasing.app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: false });
    erasing.breakWithings(false);
    erasing.broker.advance(60_000);
    expect(await (await withdraw()).json()).toMatchObject({ withings: { revoked: 1, failed: 0 } });
  });

  test('revokes nothing if the person connects again while it waits for Withings', async () => {
    await erasing.link('ada', 0);
    erasing.onceRevoking(() => erasing.link('ada', 0));
    expect(await (await withdraw()).json()).toMatchObject({ withings: { revoked: 0, kept: 1, failed: 0 } });
    expect(erasing.revocations).toEqual([]);
    expect((await erasing.app.call('POST', '/withings/sync/ada')).status).toBe(200);
  });

  test('of an unknown user asks Withings nothing and writes nothing', async () => {
    const answer = await withdraw('nobody-yet');
    expect(await answer.json()).toEqual({ connected: false, withings: { revoked: 0, kept: 0, failed: 0 } });
    expect(erasing.revocations).toEqual([]);
    expect(await withdrawals()).toEqual([]);
  });

  test.each(['', 'yes', 'TRUE', '1'])('refuses withdraw=%s, and disconnects nobody', async (value) => {
    await erasing.link('ada', 0);
    const answer = await erasing.app.call('DELETE', `/withings/disconnect/ada?withdraw=${value}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'invalid_parameter' });
    expect(await (await erasing.app.call('GET', '/withings/status/ada')).json()).toEqual({ connected: true });
  });

  test('revokes the accounts of now, of before and of a pending connection, and keeps what was measured', async () => {
    await erasing.link('ada', 0);
    await erasing.app.call('DELETE', '/withings/disconnect/ada');
    await erasing.link('ada', 1);
    await erasing.broker.manage('PATCH', `/apps/${erasing.app.id}`, { link_policy: 'confirm' });
    await erasing.link('ada', 2);
    const answer = await withdraw();
    expect(await answer.json()).toEqual({ connected: false, withings: { revoked: 3, kept: 0, failed: 0 } });
    const accounts = erasing.people.slice(0, 3).map(({ userid }) => String(userid));
    expect(erasing.revocations.toSorted()).toEqual(accounts.toSorted());
    expect(await connectionIds('ada')).toHaveLength(2);
    expect(await env.DB.prepare('SELECT count(*) AS n FROM measurements').first<number>('n')).toBeGreaterThan(100);
    expect(await withdrawals()).toEqual([{ revoked: 3, kept: 0, failed: 0 }]);
  });
});

test('without the parameter, or with false, the answer is what it was and the authorization stays', async () => {
  for (const query of ['', '?withdraw=false']) {
    await erasing.link('ada', 0);
    const answer = await erasing.app.call('DELETE', `/withings/disconnect/ada${query}`);
    expect([answer.status, await answer.text()]).toEqual([200, '{"connected":false}']);
  }
  expect(erasing.revocations).toEqual([]);
  expect(await withdrawals()).toEqual([]);
});

test('a user withdraws their own access with their token', async () => {
  await erasing.link('ada', 0);
  const token = await erasing.app.userToken('ada');
  const path = `/apps/${erasing.app.id}/withings/disconnect/ada?withdraw=true`;
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await erasing.broker.request(path, { method: 'DELETE', headers });
  expect(await answer.json()).toMatchObject({ withings: { revoked: 1 } });
});

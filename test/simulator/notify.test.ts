import { describe, expect, test } from 'vitest';

import type { Settings } from '../../src/simulator/settings.ts';
import type { NotifyProfile } from '../../src/withings/wire.ts';
import {
  advanceSeconds,
  app,
  callback,
  callbackurl,
  connect,
  notify,
  personOf,
  standingSimulator,
  subscribe,
  type Reached,
} from './driver.ts';

const start = async (settings: Partial<Settings> = {}, answers?: (request: Reached) => number | undefined) => {
  const { outgoing, reached, pushes } = callback(answers);
  const simulator = standingSimulator({ settings, outgoing });
  const { access_token: token } = await connect(simulator);
  const send = (fields: Record<string, string>) => notify(simulator, token, fields);
  const listed = async () => {
    advanceSeconds(simulator, 10);
    return (await send({ action: 'list' })).body.profiles;
  };
  return { simulator, token, send, listed, reached, pushes };
};
const subscription = { action: 'subscribe', callbackurl, appli: '1' };
const profile = { appli: 1, callbackurl, expires: 2_147_483_647, comment: null };

describe('subscribe', () => {
  test.each([
    { name: 'no callback', fields: { callbackurl: '' }, status: 293 },
    { name: 'an address instead of a domain', fields: { callbackurl: 'https://203.0.113.7/notify' }, status: 293 },
    { name: 'this machine', fields: { callbackurl: 'https://localhost/notify' }, status: 293 },
    { name: 'plain HTTP', fields: { callbackurl: 'http://broker.example/notify' }, status: 293 },
    { name: 'another port', fields: { callbackurl: 'https://broker.example:8443/notify' }, status: 293 },
    { name: 'no URL', fields: { callbackurl: 'broker.example' }, status: 293 },
    { name: 'a long URL', fields: { callbackurl: `https://broker.example/${'a'.repeat(240)}` }, status: 293 },
    { name: 'no such appli', fields: { appli: '3' }, status: 503 },
    { name: 'an appli of another scope', fields: { appli: '44' }, status: 403 },
    { name: 'a comment that is too long', fields: { comment: 'a'.repeat(256) }, status: 304 },
  ])('with $name is refused with $status, and asks nothing of the callback', async ({ fields, status }) => {
    const { send, listed, reached } = await start();
    expect((await send({ ...subscription, ...fields })).status).toBe(status);
    expect(reached).toEqual([]);
    expect(await listed()).toEqual([]);
  });

  test.each([
    { name: 'that answers 405 to HEAD', answers: () => 405 },
    { name: 'that redirects', answers: () => 302 },
    { name: 'that cannot be reached', answers: () => undefined },
  ])('of a callback $name is refused with 293', async ({ answers }) => {
    const { send, listed, reached } = await start({}, answers);
    expect(await send(subscription)).toEqual({
      status: 293,
      body: {},
      error: 'The callback URL is either unknown or invalid',
    });
    expect(reached).toEqual([{ method: 'HEAD', url: callbackurl, fields: {} }]);
    expect(await listed()).toEqual([]);
  });

  test('with another’s or no token is refused', async () => {
    const { simulator, reached } = await start();
    expect((await notify(simulator, 'f'.repeat(40), subscription)).status).toBe(401);
    expect(reached).toEqual([]);
  });

  test('sooner than 5 seconds after the last one of the person is refused, and not for another person', async () => {
    const { simulator, send, listed } = await start();
    const { access_token: other } = await connect(simulator, 'kenji');
    await send(subscription);
    advanceSeconds(simulator, 4);
    expect((await send({ ...subscription, appli: '4' })).status).toBe(601);
    expect((await notify(simulator, other, subscription)).status).toBe(0);
    advanceSeconds(simulator, 1);
    expect((await send({ ...subscription, appli: '2' })).status).toBe(0);
    expect((await listed()).map(({ appli }) => appli)).toEqual([1, 2]);
  });

  test('of a callback that is there sends HEAD and an empty POST, and takes effect', async () => {
    const { send, listed, reached } = await start();
    expect(await send({ ...subscription, comment: 'weight' })).toEqual({ status: 0, body: {} });
    expect(reached.map(({ method, fields }) => ({ method, fields }))).toEqual([
      { method: 'HEAD', fields: {} },
      { method: 'POST', fields: {} },
    ]);
    expect(await listed()).toEqual([{ ...profile, comment: 'weight' }]);
  });

  test('whose answer is lost has taken effect', async () => {
    const { simulator, send, listed } = await start();
    simulator.state.faults.add({ kind: 'lost_answer', action: 'subscribe' });
    await expect(send(subscription)).rejects.toThrow(TypeError);
    expect(await listed()).toEqual([profile]);
  });

  test('that the person withdraws while the callback is asked is refused', async () => {
    const late: { withdraw?: () => void } = {};
    const { simulator, send } = await start({}, () => {
      late.withdraw?.();
      return 200;
    });
    late.withdraw = () => void simulator.state.grants.withdraw(personOf(simulator, 'nora').userid);
    expect((await send(subscription)).status).toBe(401);
    expect(simulator.state.notifications.subscriptions.all()).toEqual([]);
  });

  test('a second time makes two, or one where Withings merges them', async () => {
    for (const [doubleSubscriptions, count] of [
      ['kept', 2],
      ['merged', 1],
    ] as const) {
      const { simulator, token, listed } = await start({ doubleSubscriptions });
      await subscribe(simulator, token, 1);
      advanceSeconds(simulator, 10);
      await subscribe(simulator, token, 1);
      expect(await listed()).toHaveLength(count);
    }
  });

  test('wants exactly 200 where so set', async () => {
    const { send } = await start({ headAnswer: '200' }, () => 204);
    expect((await send(subscription)).status).toBe(293);
  });
});

describe('list, get, update and revoke', () => {
  test('know the client’s own subscriptions of the person only', async () => {
    const { simulator, token, send } = await start();
    await subscribe(simulator, token, 1);
    const { access_token: other } = await connect(simulator, 'kenji');
    const foreign = await connect(simulator, 'nora', { client_id: app.clientId });
    expect((await notify(simulator, other, { action: 'list' })).body.profiles).toEqual([]);
    expect((await notify(simulator, other, { action: 'get', callbackurl })).status).toBe(286);
    expect((await notify(simulator, other, { action: 'revoke', callbackurl, appli: '1' })).status).toBe(286);
    // Another consent of the same person to the same client is no other client.
    expect((await notify(simulator, foreign.access_token, { action: 'list' })).body.profiles).toEqual([profile]);
    expect((await send({ action: 'list', appli: '4' })).body.profiles).toEqual([]);
  });

  test('get the last of several, of appli 1 unless it is said', async () => {
    const { simulator, token, send } = await start();
    await subscribe(simulator, token, 1);
    advanceSeconds(simulator, 10);
    await send({ ...subscription, comment: 'second' });
    const got = await notify<NotifyProfile>(simulator, token, { action: 'get', callbackurl });
    expect(got.body).toEqual({ appli: 1, callbackurl, comment: 'second' });
    expect((await send({ action: 'get', callbackurl, appli: '4' })).status).toBe(286);
  });

  test('change exactly one thing of one subscription', async () => {
    const { simulator, token, send, listed } = await start();
    await subscribe(simulator, token, 1, 1 + 3);
    const update = { action: 'update', callbackurl, appli: '1' };
    expect((await send(update)).status).toBe(503);
    expect((await send({ ...update, new_appli: '2', comment: 'both' })).status).toBe(503);
    expect((await send({ ...update, appli: '2', comment: 'none' })).status).toBe(286);
    const moved = 'https://broker.example/elsewhere';
    expect((await send({ ...update, new_callbackurl: moved })).status).toBe(0);
    expect((await send({ ...update, appli: '4', new_appli: '2' })).status).toBe(0);
    expect(await listed()).toEqual([
      { ...profile, callbackurl: moved },
      { ...profile, appli: 2 },
    ]);
    expect((await send({ ...update, appli: '2', new_callbackurl: 'https://localhost/' })).status).toBe(293);
  });

  test('end one kind of data, or without a kind all of the person, or of the callback where so set', async () => {
    for (const [revokeWithoutAppli, left] of [
      ['person', 0],
      ['callback', 1],
    ] as const) {
      const { simulator, token, send, listed } = await start({ revokeWithoutAppli });
      await subscribe(simulator, token, 1, 2, 4);
      advanceSeconds(simulator, 5);
      await send({ ...subscription, callbackurl: 'https://other.example/' });
      expect((await send({ action: 'revoke', callbackurl, appli: '4' })).status).toBe(0);
      expect((await listed()).map(({ appli }) => appli)).toEqual([1, 2, 1]);
      expect((await send({ action: 'revoke', callbackurl })).status).toBe(0);
      expect(await listed()).toHaveLength(left);
    }
  });
});

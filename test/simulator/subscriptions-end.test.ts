import { createHmac } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { takeSnapshot, type Snapshot } from '../../src/simulator/snapshot.ts';
import {
  app,
  callback,
  callbackurl,
  connect,
  control,
  oauth2,
  otherApp,
  personOf,
  signature,
  standingSimulator,
  subscribe,
} from './driver.ts';
import { start } from './notified.ts';

const hmac = (message: string) => createHmac('sha256', app.clientSecret).update(message).digest('hex');

describe('the end of an access', () => {
  test('by the client’s revocation ends the subscriptions, or not where so set', async () => {
    for (const revokeEndsSubscriptions of [true, false]) {
      const { simulator } = await start({ revokeEndsSubscriptions }, [1]);
      const client = { client_id: app.clientId };
      const timestamp = String(simulator.state.clock.seconds());
      const asked = {
        action: 'getnonce',
        ...client,
        timestamp,
        signature: hmac(`getnonce,${app.clientId},${timestamp}`),
      };
      const { nonce } = (await signature(simulator, asked)).body;
      const userid = String(personOf(simulator, 'nora').userid);
      const revocation = {
        action: 'revoke',
        ...client,
        nonce,
        signature: hmac(`revoke,${app.clientId},${nonce}`),
        userid,
      };
      expect((await oauth2(simulator, revocation)).status).toBe(0);
      expect(simulator.state.notifications.subscriptions.all()).toHaveLength(revokeEndsSubscriptions ? 0 : 1);
    }
  });

  test('by a new consent of the same client ends them only where so set, and never another client’s', async () => {
    for (const reconsentEndsSubscriptions of [true, false]) {
      const { simulator } = await start({ reconsentEndsSubscriptions }, [1]);
      const { subscriptions } = simulator.state.notifications;
      const { userid } = personOf(simulator, 'nora');
      subscriptions.add({ userid, clientId: otherApp.clientId, appli: 1, callbackUrl: callbackurl, comment: null });
      await connect(simulator);
      expect(subscriptions.all()).toHaveLength(reconsentEndsSubscriptions ? 1 : 2);
    }
  });

  test('by the person ends them, and is pushed to those who asked for it', async () => {
    const { outgoing, pushes } = callback();
    const simulator = standingSimulator({ outgoing });
    const { access_token: token } = await connect(simulator, 'nora', { scope: 'user.info,user.metrics' });
    await subscribe(simulator, token, 1, 46);
    await control(simulator, 'POST', '/people/nora/withdraw', {});
    await simulator.deliverPushes();
    expect(pushes()).toEqual([{ userid: String(personOf(simulator, 'nora').userid), action: 'unlink', appli: '46' }]);
    expect(simulator.state.notifications.subscriptions.all()).toEqual([]);
  });
});

test('a restart forgets no subscription and no push that waits', async () => {
  const { simulator } = await start({}, [1]);
  simulator.state.weighIns.add(personOf(simulator, 'nora'), { weightKg: 70 });
  const snapshot: Snapshot = JSON.parse(JSON.stringify(takeSnapshot(simulator.state)));
  const { outgoing, pushes } = callback();
  const restarted = standingSimulator({ snapshot, outgoing });
  expect(restarted.state.notifications.subscriptions.all()).toEqual(simulator.state.notifications.subscriptions.all());
  await restarted.deliverPushes();
  expect(pushes()).toHaveLength(1);
  const { notifications: _, ...older } = snapshot;
  expect(standingSimulator({ snapshot: older }).state.notifications.subscriptions.all()).toEqual([]);
});

test('the callback of a call is a fingerprint in the log of calls', async () => {
  const { simulator } = await start({}, [1]);
  const { json } = await control(simulator, 'GET', '/calls?action=subscribe');
  expect(JSON.stringify(json)).toContain('"callbackurl":"sha256:');
  expect(JSON.stringify(json)).not.toContain('5ec2e7');
});

/**
 * How others use notifications: the calls and the reading of python-withings (aiowithings), in the order and with the
 * pauses of Home Assistant's integration. Written from what they send and expect, with nothing of this project's
 * client.
 */
import { describe, expect, test } from 'vitest';

import type { Simulator } from '../../src/simulator/simulator.ts';
import { advanceSeconds, callback, connect, personOf, standingSimulator } from './driver.ts';

const WEIGHT = 1;
const PRESSURE = 4;
const ACTIVITY = 16;
const SLEEP = 44;

type Configuration = { appli: number; callbackurl: string; expires: number; comment: string | null };

/** One session of the library: a form with a bearer to `notify`, JSON back, its status read by family. */
const library = (simulator: Simulator, token: string) => {
  const request = async (data: Record<string, string | number>): Promise<Record<string, unknown>> => {
    const response = await simulator.fetch('https://wbsapi.withings.net/notify', {
      method: 'POST',
      headers: { Accept: 'application/json, text/plain, */*', Authorization: `Bearer ${token}` },
      body: new URLSearchParams(Object.entries(data).map(([name, value]) => [name, String(value)])),
    });
    expect(response.headers.get('content-type')).toContain('application/json');
    const { status, body } = await response.json<{ status: number; body: Record<string, unknown> }>();
    if (status !== 0) throw new Error(status >= 293 && status <= 295 ? 'InvalidParams' : `status ${status}`);
    return body;
  };
  return {
    subscribe: (callbackurl: string, appli: number) => request({ action: 'subscribe', callbackurl, appli }),
    revoke: (callbackurl: string, appli: number) => request({ action: 'revoke', callbackurl, appli }),
    /** It reads `profiles`, and of each `appli`, `callbackurl`, `expires` and `comment`. */
    list: async (appli?: number): Promise<Configuration[]> => {
      const body = await request({ action: 'list', ...(appli !== undefined && { appli }) });
      return body['profiles'] as Configuration[];
    },
  };
};

/** Home Assistant at a start: revoke what is listed, a second before each; then subscribe, five seconds before each. */
const registerWebhooks = async (simulator: Simulator, client: ReturnType<typeof library>, webhookUrl: string) => {
  const sleep = (seconds: number) => advanceSeconds(simulator, seconds);
  for (const { callbackurl, appli } of await client.list()) {
    sleep(1);
    await client.revoke(callbackurl, appli);
  }
  for (const appli of [WEIGHT, PRESSURE, ACTIVITY, SLEEP]) {
    sleep(5);
    await client.subscribe(webhookUrl, appli);
  }
};

const start = async (answers?: () => number) => {
  const { outgoing, reached, pushes } = callback(answers);
  const simulator = standingSimulator({ outgoing });
  const scope = 'user.info,user.metrics,user.activity,user.sleepevents';
  const { access_token: token } = await connect(simulator, 'nora', { scope });
  return { simulator, client: library(simulator, token), reached, pushes };
};

describe('Home Assistant with aiowithings', () => {
  const webhook = 'https://home.example/api/webhook/a1b2c3';

  test('learns that its webhook is refused, and is subscribed to nothing', async () => {
    const { simulator, client } = await start(() => 405);
    await expect(registerWebhooks(simulator, client, webhook)).rejects.toThrow('InvalidParams');
    expect(simulator.state.notifications.subscriptions.all()).toEqual([]);
  });

  test('registers its webhook, again after a restart without doubles, and gets a weigh-in', async () => {
    const { simulator, client, pushes } = await start();
    await registerWebhooks(simulator, client, webhook);
    advanceSeconds(simulator, 60);
    await registerWebhooks(simulator, client, webhook);
    advanceSeconds(simulator, 60);
    expect(await client.list()).toEqual(
      [WEIGHT, PRESSURE, ACTIVITY, SLEEP].map((appli) => ({
        appli,
        callbackurl: webhook,
        expires: 2_147_483_647,
        comment: null,
      })),
    );
    expect(await client.list(PRESSURE)).toHaveLength(1);

    const nora = personOf(simulator, 'nora');
    simulator.state.weighIns.add(nora, { weightKg: 70, date: 1_773_000_000 });
    await simulator.deliverPushes();
    // The webhook reads the form's `appli`, and the object of a call its dates as seconds.
    expect(pushes().map(({ appli }) => Number(appli))).toEqual([WEIGHT]);
    expect(Number(pushes()[0]?.['enddate'])).toBe(1_773_000_000);

    for (const { callbackurl, appli } of await client.list(WEIGHT)) await client.revoke(callbackurl, appli);
    simulator.state.weighIns.add(nora, { weightKg: 71 });
    expect(await simulator.deliverPushes()).toBe(0);
  });
});

import { env } from 'cloudflare:workers';

import { notifySecret } from '../../src/crypto/notify-secret.ts';
import { DAY_MS, MINUTE_MS } from '../../src/domain/time.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import { type Broker, connect, emptyTables, makeApp, startBroker, type TestApp } from './broker.ts';
import { plantSecret } from './canaries.ts';
import { addBareGroup, addPerson, asWeight } from './people.ts';

/** Pushes as Withings posts them: a form, without a signature. */

export const pushForm = (userid: number | string, appli: number, more: Record<string, string> = {}) =>
  new URLSearchParams({ userid: String(userid), appli: String(appli), ...more });

export const postPush = (broker: Broker, secret: string, form: URLSearchParams | string): Promise<Response> =>
  broker.request(`/withings/notify/${secret}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });

/** The secret of a person's callback URL, under the current key or another one of the ring. */
export const secretOf = async (broker: Broker, userid: number | string, keyId?: string): Promise<string> => {
  const { keyring } = await broker.deps();
  const secret = await notifySecret(keyring, keyId ?? keyring.currentKeyId, String(userid));
  plantSecret('secret of notifications', secret);
  return secret;
};

/** A true push about a person. */
export const push = async (broker: Broker, { userid }: Person, appli = 1): Promise<Response> =>
  postPush(broker, await secretOf(broker, userid), pushForm(userid, appli, { startdate: '1', enddate: '2' }));

/** A weigh-in that Withings gets now. */
export const weighNow = (broker: Broker, person: Person, weightKg: number) =>
  addBareGroup(broker, person, { date: Math.floor(broker.now() / 1000), measures: asWeight(weightKg) });

/** A person whose weigh-in of 60 kg the app has, and of whom nothing waits. */
export const startWithAda = async ({ bindings, ...options }: Parameters<typeof startBroker>[0] = {}) => {
  await emptyTables();
  const broker = await startBroker({
    ...options,
    bindings: { NOTIFY_APPLI: '1,2,4', SYNC_REQUESTS_PER_MINUTE: '120', ...bindings },
  });
  const app = await makeApp(broker, 'Womoji', undefined, 'all');
  const ada = addPerson(broker, 'ada', 'UTC');
  weighNow(broker, ada, 60);
  broker.advance(2 * DAY_MS);
  await connect(broker, app, 'ada', 'ada');
  await broker.settle();
  await env.DB.prepare('DELETE FROM subscriptions').run();
  broker.advance(MINUTE_MS);
  return { broker, app, ada };
};

/** The pushes that wait for their sync. */
export const waitingPushes = async () => (await env.DB.prepare('SELECT * FROM waiting_pushes').all()).results;

/** A user's weights, newest first, as the app reads them. */
export const weightsOf = async (app: TestApp, user = 'ada') => {
  const answer = await app.call('GET', `/metrics/${user}?metric=weight`);
  return (await answer.json<{ data: { value: number }[] }>()).data.map(({ value }) => value);
};

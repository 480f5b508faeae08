import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { serve } from '@hono/node-server';

import { updateApp } from '../../src/client/management.ts';
import type { Answer } from '../../src/client/send.ts';
import { createWebhook, verifyWebhook } from '../../src/client/webhooks.ts';
import { parseKeyring } from '../../src/crypto/keyring.ts';
import { notifySecret } from '../../src/crypto/notify-secret.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { APP, REDIRECT_URI } from './marks.ts';
import { settings } from './record.ts';
import { API_KEY, appRows, KEYRING, migrations, OPERATOR_TOKEN } from './seed.ts';
import { startBroker } from './serve.ts';

/**
 * The broker in workerd, the simulated Withings and a receiver of webhooks, over HTTP, with people who are connected
 * and notified of.
 */

const CLIENT_ID = 'c1';
const PUBLIC_URL = 'https://broker.example.com';
/** Withings notifies of weights under this number. */
const WEIGHT_APPLI = 1;

type Broker = Awaited<ReturnType<typeof startBroker>>;

const send = async (broker: Broker, path: string, init: RequestInit = {}): Promise<Response> => {
  const response = await fetch(new URL(path, broker.url), { redirect: 'manual', ...init });
  if (response.status >= 400) throw new Error(`${init.method ?? 'GET'} ${path}: ${await response.text()}`);
  return response;
};

const valueOf = <Value>(answer: Answer<Value>): Value => {
  if (!answer.ok) throw new Error(JSON.stringify(answer.failure));
  return answer.value;
};

const listening = async (server: ReturnType<typeof createServer>): Promise<string> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
};

/** A receiver of webhooks that notes when it has verified the first event with each measurement group. */
const startReceiver = async () => {
  const verifiedAt = new Map<number, number>();
  const secret = { value: '' };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    const receive = async (): Promise<void> => {
      const body = Buffer.concat(chunks).toString();
      const verified = await verifyWebhook(request.headers, body, { secret: secret.value });
      response.writeHead(verified.ok ? 204 : 401).end();
      if (!verified.ok || verified.event.type !== 'measurements.changed') return;
      for (const { group_id: id } of verified.event.data.changes ?? []) {
        if (!verifiedAt.has(id)) verifiedAt.set(id, performance.now());
      }
    };
    request.on('end', () => void receive());
  });
  const origin = await listening(server);
  return { verifiedAt, secret, url: `${origin}/hook`, close: () => server.close().closeAllConnections() };
};

const startWithings = (people: readonly string[], brokerUrl: () => URL): Simulator =>
  createSimulator({
    people: people.map((id, index) => ({
      id,
      userid: 1_000 + index,
      name: id,
      description: '',
      timezone: 'Europe/Paris',
    })),
    clients: [
      { clientId: CLIENT_ID, clientSecret: '00', name: 'Bench', redirectUris: [`${PUBLIC_URL}/withings/callback`] },
    ],
    // Everybody connects at once: the limits have their own tests.
    settings: { callsPerMinute: 1_000_000, sameArgumentsSeconds: 0, subscribeSpacingSeconds: 0 },
    outgoing: async (url, init) => fetch(new URL(new URL(url).pathname, brokerUrl()), init),
  });

const locationOf = (response: Response): string => response.headers.get('location') ?? '';

/** Consent and callback, as a browser makes them. */
const connect = async (broker: Broker, simulator: Simulator, user: string): Promise<void> => {
  const query = new URLSearchParams({ user_id: user, redirect_uri: REDIRECT_URI });
  const started = await send(broker, `/apps/${APP}/withings/auth?${query.toString()}`);
  const cookies = started.headers.getSetCookie().map((text) => text.split(';')[0]);
  const allowed = { method: 'POST', body: new URLSearchParams({ person: user, decision: 'allow' }) };
  const consented = await simulator.fetch(locationOf(started), allowed);
  const { pathname, search } = new URL(locationOf(consented));
  const finished = await send(broker, pathname + search, { headers: { cookie: cookies.join('; ') } });
  if (locationOf(finished) !== REDIRECT_URI) throw new Error(`not connected: ${locationOf(finished)}`);
};

/** Withings notifies of a person's weight, as if the broker's cron had subscribed. */
const subscribe = async (simulator: Simulator, userid: number): Promise<void> => {
  const ring = parseKeyring(KEYRING);
  if (!ring.ok) throw new Error(ring.failure);
  const secret = await notifySecret(ring.value, ring.value.currentKeyId, String(userid));
  const callbackUrl = `${PUBLIC_URL}/withings/notify/${secret}`;
  const subscription = { clientId: CLIENT_ID, userid, appli: WEIGHT_APPLI, callbackUrl, comment: null };
  simulator.state.notifications.subscriptions.add(subscription);
};

/**
 * Starts all of it. Each person's empty past has been read.
 *
 * @param script the broker's bundle
 * @param more statements for its database
 */
export const startLiveWorld = async (script: string, people: readonly string[], more: readonly string[]) => {
  const reached: { url?: URL } = {};
  const simulator = startWithings(people, () => reached.url ?? new URL(PUBLIC_URL));
  const withings = serve({ fetch: (request) => simulator.fetch(request), hostname: '127.0.0.1', port: 0 });
  await new Promise<void>((resolve) => (withings.listening ? resolve() : withings.once('listening', resolve)));
  const { port } = withings.address() as AddressInfo;
  const receiver = await startReceiver();
  const broker = await startBroker(script, { ...settings(`http://127.0.0.1:${port}`), PUBLIC_URL });
  reached.url = broker.url;
  await broker.db.batch([...migrations(), ...appRows(), ...more].map((sql) => broker.db.prepare(sql)));
  const operator = { url: broker.url.origin, credential: OPERATOR_TOKEN };
  valueOf(await updateApp(operator, APP, { allow_loopback: true }));
  receiver.secret.value = valueOf(await createWebhook(operator, APP, { url: receiver.url })).secret;
  const asApp = { headers: { 'X-API-Key': API_KEY } };
  for (const person of people) {
    await connect(broker, simulator, person);
    await subscribe(simulator, simulator.state.people.find(person)?.userid ?? 0);
    await send(broker, `/apps/${APP}/withings/sync/${person}`, { method: 'POST', ...asApp });
  }
  return {
    broker,
    simulator,
    /** By measurement group, on the clock of `performance`. */
    verifiedAt: receiver.verifiedAt,
    /** The newest weight that the app reads. */
    newestWeight: async (person: string): Promise<number | undefined> => {
      const response = await send(broker, `/apps/${APP}/metrics/${person}/latest`, asApp);
      return (await response.json<{ data: { weight?: { value: number } } }>()).data.weight?.value;
    },
    stop: async () => {
      receiver.close();
      withings.close();
      await broker.stop();
    },
  };
};
export type LiveWorld = Awaited<ReturnType<typeof startLiveWorld>>;

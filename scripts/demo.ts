/**
 * `npm run demo`: the whole flow without a browser: link, consent, sync, read, and a weigh-in that comes by itself.
 * Prints each step and leaves nothing behind.
 */
import './help.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Ready, spawnDev } from './dev/spawn.ts';
import { runMain, userError } from './user-error.ts';

const DEV = fileURLToPath(import.meta.resolve('./dev.ts'));
const USER = 'ada@example.com';
const REDIRECT_URI = 'womoji://withings/success';
const METRICS = ['weight', 'bmi', 'fat_ratio', 'muscle_mass'];

type Value = { metric: string; value: number; unit: string; measured_at: string };

const step = (() => {
  let number = 0;
  return (words: string): void => console.log(`\n${(number += 1)}. ${words}`);
})();
const detail = (text: string): void => console.log(`   ${text}`);

/** Sends a request, shows it and its status, and fails unless the status is the one expected. */
const send = async (expected: number, url: string, init: RequestInit = {}): Promise<Response> => {
  const response = await fetch(url, { redirect: 'manual', ...init });
  detail(`${init.method ?? 'GET'} ${shortened(url)} -> ${response.status}`);
  if (response.status !== expected) throw userError(`${expected} was expected: ${await response.text()}`);
  return response;
};

/** Shortens states and codes, which are long and not needed here. */
const shortened = (url: string): string => url.replace(/\b(state|code)=[^&]{12}[^&]+/g, '$1=…');

const locationOf = (response: Response): string => {
  const location = response.headers.get('Location');
  if (location === null) throw userError('A redirect was expected.');
  return location;
};

const connect = async ({ url, app_id: appId }: Ready): Promise<void> => {
  step(`The app sends its user ${USER} to the broker, which sends the browser to Withings.`);
  const query = new URLSearchParams({ user_id: USER, redirect_uri: REDIRECT_URI });
  const started = await send(302, `${url}/apps/${appId}/withings/auth?${query.toString()}`);
  const cookie = started.headers
    .getSetCookie()
    .map((text) => text.split(';')[0])
    .join('; ');

  step('At the (simulated) Withings, the person chooses an account and allows access.');
  const consented = await send(302, locationOf(started), {
    method: 'POST',
    body: new URLSearchParams({ person: 'nora', decision: 'allow' }),
  });

  step('Withings sends the browser back; the broker exchanges the code, seals the tokens, and returns to the app.');
  const finished = await send(302, locationOf(consented), { headers: { Cookie: cookie } });
  detail(`Location: ${locationOf(finished)}`);
};

const WEIGH_IN_KG = 61.7;
const WAIT_MS = 60_000;
const POLL_MS = 500;

const until = async (what: string, isSo: () => Promise<boolean>): Promise<number> => {
  const started = Date.now();
  while (!(await isSo())) {
    if (Date.now() > started + WAIT_MS) throw userError(`${what} did not happen within a minute.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return (Date.now() - started) / 1000;
};

/** The broker subscribes at the next tick of its clock. */
const waitForSubscription = async ({ simulator_url: withings }: Ready): Promise<void> => {
  await until('The subscription at Withings', async () => {
    const response = await fetch(`${withings}/_control/subscriptions?person=nora&appli=1`);
    return (await response.json<{ data: unknown[] }>()).data.length > 0;
  });
};

const weighIn = async (ready: Ready): Promise<void> => {
  const { url, simulator_url: withings, app_id: appId, api_key: key } = ready;
  step(
    'The person steps on the scale. Withings notifies the broker; the app asks for nothing, and reads the new weight.',
  );
  await waitForSubscription(ready);
  await send(201, `${withings}/_control/people/nora/weigh-ins`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ weight_kg: WEIGH_IN_KG }),
  });
  const newest = `${url}/apps/${appId}/metrics/${encodeURIComponent(USER)}/latest`;
  const seconds = await until('The new weight', async () => {
    const response = await fetch(newest, { headers: { 'X-API-Key': key } });
    const { data } = await response.json<{ data: { weight?: Value } }>();
    return data.weight?.value === WEIGH_IN_KG;
  });
  detail(`GET ${newest} -> ${WEIGH_IN_KG} kg, after ${seconds.toFixed(1)} s`);
};

const readMetrics = async ({ url, app_id: appId, api_key: key }: Ready): Promise<Value[]> => {
  const headers = { 'X-API-Key': key };
  const user = encodeURIComponent(USER);

  step('The app asks whether its user is connected.');
  const status = await send(200, `${url}/apps/${appId}/withings/status/${user}`, { headers });
  detail(await status.text());

  step('The app syncs.');
  const synced = await send(200, `${url}/apps/${appId}/withings/sync/${user}`, { method: 'POST', headers });
  detail(await synced.text());

  step('The app reads the metrics.');
  const query = new URLSearchParams({ metric: METRICS.join(','), limit: '100' });
  const metrics = await send(200, `${url}/apps/${appId}/metrics/${user}?${query.toString()}`, { headers });
  return (await metrics.json<{ data: Value[] }>()).data;
};

/** One weigh-in per row, one metric per column. */
const printTable = (values: Value[]): void => {
  const units = new Map(values.map(({ metric, unit }) => [metric, unit]));
  const weighIns = new Map<string, Map<string, number>>();
  for (const { metric, value, measured_at: at } of values) {
    weighIns.set(at, (weighIns.get(at) ?? new Map<string, number>()).set(metric, value));
  }
  const row = (cells: string[]): string =>
    `   ${cells.map((cell, column) => (column === 0 ? cell.padEnd(27) : cell.padStart(18))).join('')}`;
  console.log(`\n${row(['measured at', ...METRICS.map((metric) => `${metric} (${units.get(metric) ?? '?'})`)])}`);
  for (const [at, metrics] of weighIns) {
    console.log(row([at, ...METRICS.map((metric) => metrics.get(metric)?.toFixed(2) ?? '')]));
  }
};

const main = async (): Promise<void> => {
  const state = await mkdtemp(join(tmpdir(), 'mushu-demo-'));
  try {
    console.log('Starting the broker and a simulated Withings …');
    const dev = await spawnDev([process.execPath, DEV], ['--state', state, '--port', '0', '--simulator-port', '0']);
    try {
      await connect(dev.ready);
      printTable(await readMetrics(dev.ready));
      await weighIn(dev.ready);
    } finally {
      await dev.stop();
    }
  } finally {
    await rm(state, { recursive: true, force: true });
  }
  console.log('\nDone. `npm run dev` starts the same to be tried in a browser.');
};

runMain(main);

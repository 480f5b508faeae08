import { AsyncLocalStorage } from 'node:async_hooks';
import { parseArgs } from 'node:util';

import '../../scripts/help.ts';
import { storeGrant } from '../../src/broker/link/store-grant.ts';
import { sync } from '../../src/broker/sync/sync.ts';
import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { tick } from '../../src/cron.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { secret } from '../../src/domain/secret.ts';
/**
 * A year of a broker: npm run year [-- --connections 1500 --days 365]
 *
 * The broker's own code (the cron tick every minute, syncs as apps ask for them) on SQLite in memory, against the simulated Withings, under
 * a clock that is moved. One connection in twenty syncs on a given day, at a random moment; the connections were linked over the first 40
 * days. By default a twentieth of the 30,000 connections runs, in minutes: figures a day are multiplied to 30,000, which makes more reviews
 * of them than the one a tick that bounds them; the busiest minute is Withings' own count, not multiplied. `--connections 30000` runs the
 * whole size, in about an hour and with NODE_OPTIONS=--max-old-space-size=14000, and says every 30 days how far it is.
 *
 * Rows written are the runs of each kind times what local D1 reports for one (asserted by test/broker/refresh-rules.test.ts). Each sync
 * finds a new weigh-in: of weight alone, to save time, but counted as 8 metrics in 3 groups.
 */
import { asUserId } from '../../src/domain/user-id.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { computeInline, pause } from '../support/inline-subtle.ts';
import { createMemoryKv } from '../support/memory-kv.ts';
import { openSqliteD1 } from '../support/sqlite-d1.ts';

const MINUTE_MS = 60_000;
const MINUTES_A_DAY = 1_440;
const FULL_SIZE = 30_000;
const PROGRESS_EVERY_DAYS = 30;
const SYNCS_A_DAY = 1 / 20;
const LINKED_OVER_DAYS = 40;
/** Rows that D1 counts as written, the refresh always apart. */
const ROWS = { refresh: 5, sync: 4, review: 6, weighIn: 8 + 3, hourlyNotesOfADay: 24 };

const { values } = parseArgs({ options: { connections: { type: 'string' }, days: { type: 'string' } } });
const connections = Number(values.connections ?? FULL_SIZE / 20);
const days = Number(values.days ?? 365);

computeInline();
let now = Date.UTC(2026, 0, 1);
const randomBytes = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const database = openSqliteD1();
const client = {
  clientId: 'c1'.repeat(32),
  clientSecret: '5e'.repeat(32),
  name: 'Year',
  redirectUris: ['https://broker.example.com/cb'],
};
const simulator = createSimulator({
  now: () => now,
  clients: [client],
  people: Array.from({ length: connections }, (_, index) => ({
    id: `user-${index}`,
    userid: index + 1,
    name: '',
    description: '',
    timezone: 'Europe/Berlin',
  })),
});
simulator.state.clock.freeze();

/** What is counted: by whom a request was caused. */
const cause = new AsyncLocalStorage<'cron' | 'sync' | 'link'>();
const counts = { cron: 0, sync: 0, link: 0, refreshes: 0, reviews: 0 };
const bindings = {
  DB: database.bind(async () => undefined),
  LINKS: createMemoryKv(),
  KEYRING: JSON.stringify({ current: 'k1', keys: { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' } }),
  OPERATOR_TOKEN: await mintCredential('operator', randomBytes),
  WITHINGS_CLIENT_ID: client.clientId,
  WITHINGS_CLIENT_SECRET: client.clientSecret,
  WITHINGS_API_URL: 'https://wbsapi.withings.net',
  WITHINGS_LOGIN_URL: 'https://account.withings.com',
} satisfies Bindings;
const depsOf = async () => {
  const composed = await compose(bindings, () => undefined, {
    fetch: async (input, init) => {
      counts[cause.getStore() ?? 'link'] += 1;
      const form = init?.body instanceof URLSearchParams ? init.body : new URLSearchParams();
      if (form.has('refresh_token')) counts.refreshes += 1;
      // Nothing else makes the cron ask for what is new: no history here is longer than a slice.
      if (cause.getStore() === 'cron' && form.has('lastupdate')) counts.reviews += 1;
      return simulator.fetch(input, init);
    },
    now: () => now,
    databaseNow: () => now,
    sleep: async () => undefined,
    random: randomBytes,
    log: () => undefined,
  });
  if (!composed.ok) throw new Error(composed.failure);
  return composed.value;
};

const link = async (index: number) => {
  const deps = await depsOf();
  const redirectUri = client.redirectUris[0] ?? '';
  const code = simulator.state.codes.issue({
    clientId: client.clientId,
    userid: index + 1,
    scopes: ['user.metrics'],
    redirectUri,
  });
  const granted = await deps.withings.reserve({ share: 'link' }, 1);
  if (!granted.ok) throw new Error(granted.failure.kind);
  const grant = await deps.withings.exchangeCode(granted.value, { code: secret(code), redirectUri });
  if (!grant.ok) throw new Error(`the exchange failed: ${grant.failure.kind}`);
  const claim = { id: String(index), expiresAt: now + MINUTE_MS };
  const user = {
    appId: asAppId('app'),
    userId: asUserId(`user-${index}`),
    policy: 'open',
    kind: 'open',
    historyOnConnect: 'all',
    sameBrowser: true,
  } as const;
  await storeGrant(deps, { ...user, grant: grant.value, scope: ['user.metrics'], claim }, undefined);
};

const idOf = database.database.prepare(`SELECT id FROM connections WHERE app_id = 'app' AND user_id = ?`);
const failed = new Map<string, number>();
const syncUser = async (index: number) => {
  const { people, weighIns } = simulator.state;
  const person = people.find(index + 1);
  const row = idOf.get(`user-${index}`);
  if (row === undefined || person === undefined) return;
  weighIns.add(person, { weightKg: 60 + Math.random(), weightOnly: true });
  const synced = await sync(await depsOf(), { id: asConnectionId(Number(row['id'])), appId: asAppId('app') });
  if (!synced.ok) failed.set(synced.failure.kind, (failed.get(synced.failure.kind) ?? 0) + 1);
};

database.database.prepare('INSERT INTO apps (id, name, created_at) VALUES (?, ?, ?)').run('app', 'app', now);
/** Longer than the connections take to be linked, the year begins. */
const linkingMinutes = Math.min(LINKED_OVER_DAYS, days) * MINUTES_A_DAY;
const totalMinutes = (days + (days > LINKED_OVER_DAYS ? LINKED_OVER_DAYS : 0)) * MINUTES_A_DAY;
let linked = 0;
let busiestDay = { refreshes: 0, rows: 0 };
let dayStart = { ...counts, syncs: 0 };
let syncs = 0;
const started = performance.now();
for (let minute = 0; minute < totalMinutes; minute += 1) {
  now += MINUTE_MS;
  simulator.state.clock.set(now);
  const toLink = Math.min(connections, Math.ceil((connections * (minute + 1)) / linkingMinutes));
  for (; linked < toLink; linked += 1) await cause.run('link', () => link(linked));
  await cause.run('cron', async () => tick(await depsOf()));
  const expected = (linked * SYNCS_A_DAY) / MINUTES_A_DAY;
  const count = Math.floor(expected) + (Math.random() < expected % 1 ? 1 : 0);
  for (let index = 0; index < count; index += 1) {
    syncs += 1;
    await cause.run('sync', () => syncUser(Math.floor(Math.random() * linked)));
  }
  await pause();
  if (minute % MINUTES_A_DAY === MINUTES_A_DAY - 1) {
    const refreshes = counts.refreshes - dayStart.refreshes;
    const reviews = counts.reviews - dayStart.reviews;
    const syncRows = (syncs - dayStart.syncs) * (ROWS.sync + ROWS.weighIn);
    const rows = refreshes * ROWS.refresh + reviews * ROWS.review + syncRows;
    busiestDay = { refreshes: Math.max(busiestDay.refreshes, refreshes), rows: Math.max(busiestDay.rows, rows) };
    dayStart = { ...counts, syncs };
    const day = (minute + 1) / MINUTES_A_DAY;
    if (day % PROGRESS_EVERY_DAYS === 0)
      console.log(`day ${day}: ${linked} linked, ${syncs} syncs, ${counts.refreshes} refreshes`);
  }
}

const states = database.database.prepare('SELECT state, count(*) AS count FROM connections GROUP BY state').all();
const overdue = database.database
  .prepare('SELECT count(*) AS count FROM connections WHERE next_refresh_at < ?')
  .get(now - 60 * MINUTE_MS);
const factor = FULL_SIZE / connections;
const ran = totalMinutes / MINUTES_A_DAY;
console.table({
  connections,
  'days simulated': ran,
  'connections lost': connections - Number(states.find(({ state }) => state === 'active')?.['count'] ?? 0),
  'overdue by an hour at the end': Number(overdue?.['count']),
  'syncs that failed': [...failed].map(([kind, count]) => `${kind}: ${count}`).join(', ') || 0,
  'requests in the busiest minute (of 120)': simulator.state.limits.maxCallsPerMinute(),
  'minutes of computing': Math.round((performance.now() - started) / MINUTE_MS),
});
console.table({
  'refreshes a day, mean': Math.round((counts.refreshes / ran) * factor),
  'refreshes on the busiest day': Math.round(busiestDay.refreshes * factor),
  'reviews of older windows a day, mean': Math.round((counts.reviews / ran) * factor),
  'requests to Withings a day, mean': Math.round(((counts.cron + counts.sync + counts.link) / ran) * factor),
  'rows written on the busiest day (of 100,000)': Math.round(busiestDay.rows * factor) + ROWS.hourlyNotesOfADay,
  'invocations a day (of 100,000)': MINUTES_A_DAY + Math.round((syncs / ran) * factor),
});

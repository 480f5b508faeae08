/**
 * What a tick reads on D1 (the one of local development, with D1's own figures) when 20 connections are due among a thousand, and among a
 * million: npm run bench.
 */
import { readFileSync } from 'node:fs';

import { getPlatformProxy } from 'wrangler';

import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { tick } from '../../src/cron.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import { meterD1 } from '../support/d1-meter.ts';

const DUE = 20;
const SIZES = [1_000, 1_000_000];
const CHUNK = 50_000;
const MIGRATIONS = 'migrations';

const { env, dispose } = await getPlatformProxy<{ DB: D1Database }>({ configPath: 'wrangler.toml', persist: false });
const journal: { entries: { tag: string }[] } = JSON.parse(readFileSync(`${MIGRATIONS}/meta/_journal.json`, 'utf8'));
for (const { tag } of journal.entries) {
  const statements = readFileSync(`${MIGRATIONS}/${tag}.sql`, 'utf8').split('--> statement-breakpoint');
  await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)));
}

const now = Date.now();
const addConnections = async (from: number, to: number) => {
  for (let first = from; first < to; first += CHUNK) {
    await env.DB.prepare(
      `WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?2)
       INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at, access_token_sealed,
         refresh_token_sealed, token_version, access_expires_at, refreshed_at, next_refresh_at)
       SELECT n, 'app', 'user-' || n, n, 1, 'active', ?3, 'user.metrics', ?3, 'sealed', 'sealed', 1, ?3, ?3,
         CASE WHEN n < ?4 THEN ?3 - n ELSE ?3 + 86400000 + n END FROM number`,
    )
      .bind(first, Math.min(first + CHUNK, to), now, DUE)
      .run();
  }
};

const operatorToken = await mintCredential('operator', (size) => crypto.getRandomValues(new Uint8Array(size)));
const meter = meterD1(env.DB);
const composed = await compose(
  {
    DB: meter.d1,
    LINKS: {},
    KEYRING: JSON.stringify({ current: 'k1', keys: { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' } }),
    OPERATOR_TOKEN: operatorToken,
    WITHINGS_CLIENT_ID: 'client',
    WITHINGS_CLIENT_SECRET: 'secret',
    WITHINGS_API_URL: 'https://withings.invalid',
    WITHINGS_LOGIN_URL: 'https://withings.invalid',
  } as unknown as Bindings,
  () => undefined,
  {
    fetch: () => Promise.reject(new TypeError('nothing is sent: the seals do not open')),
    now: () => now,
    sleep: async () => undefined,
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
    log: () => undefined,
  },
);
if (!composed.ok) throw new Error(composed.failure);

const figures = [];
let filled = 0;
for (const size of SIZES) {
  await addConnections(filled, size);
  filled = size;
  // Every seal is broken on purpose: each due connection is leased, looked at and given a verdict, at no cost but the database's.
  await env.DB.prepare(
    `UPDATE connections SET state = 'active', next_refresh_at = ?1, in_doubt_since = NULL, refresh_lease_id = NULL,
      refresh_lease_until = NULL WHERE id < ?2`,
  )
    .bind(now - 1, DUE)
    .run();
  composed.value.db.calls.made = 0;
  meter.reset();
  await tick(composed.value);
  const left = await env.DB.prepare('SELECT count(*) AS due FROM connections WHERE id < ?1 AND next_refresh_at <= ?2')
    .bind(DUE, now)
    .first<{ due: number }>();
  figures.push({
    connections: size,
    due: DUE,
    'handled by the tick': DUE - (left?.due ?? 0),
    'rows read': meter.rowsRead(),
    'rows read to find the work': (meter.statements[0]?.rowsRead ?? 0) + (meter.statements[1]?.rowsRead ?? 0),
    'rows written': meter.rowsWritten(),
  });
}
console.table(figures);
await dispose();

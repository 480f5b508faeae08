import { AsyncLocalStorage } from 'node:async_hooks';

import { storeGrant } from '../../src/broker/link/store-grant.ts';
import { takePush } from '../../src/broker/notify/take-push.ts';
import { pullAtConnect } from '../../src/broker/sync/pull-at-connect.ts';
import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { tick } from '../../src/cron.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import { asAppId } from '../../src/domain/app-id.ts';
import { secret } from '../../src/domain/secret.ts';
import { MINUTE_MS } from '../../src/domain/time.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { createMemoryKv } from '../support/memory-kv.ts';
import { openSqliteD1 } from '../support/sqlite-d1.ts';

/** What a request to Withings was for. */
export type Kind =
  | 'exchange'
  | 'refresh'
  | 'history'
  | 'poll'
  | 'olderWindow'
  | 'pull'
  | 'recentWindow'
  | 'list'
  | 'subscribe'
  | 'other';
type Cause = 'link' | 'push' | 'cron';

const APP = asAppId('app');
const PUBLIC_URL = 'https://broker.example.com';
const CALLBACK_URL = `${PUBLIC_URL}/withings/callback`;
const CLIENT = {
  clientId: 'c1'.repeat(32),
  clientSecret: '5e'.repeat(32),
  name: 'Year',
  redirectUris: [CALLBACK_URL],
};

/** A broker with so many people, its Withings and its database, under one clock that `sleep` and `moveTo` move. */
export const createYearWorld = async (people: number, startsAt: number) => {
  let now = startsAt;
  const database = openSqliteD1();
  const cause = new AsyncLocalStorage<Cause>();
  const requests: Record<Kind, number> = {
    exchange: 0,
    refresh: 0,
    history: 0,
    poll: 0,
    olderWindow: 0,
    pull: 0,
    recentWindow: 0,
    list: 0,
    subscribe: 0,
    other: 0,
  };
  const notifyAt: number[] = [];
  let busiestNotifyMinute = 0;
  const background: Promise<unknown>[] = [];
  const randomBytes = (size: number) => crypto.getRandomValues(new Uint8Array(size));

  const simulator = createSimulator({
    now: () => now,
    clients: [CLIENT],
    outgoing: async (url, { method, body }) => {
      if (method === 'HEAD' || !(body instanceof URLSearchParams) || body.size === 0) return new Response();
      const taken = await cause.run('push', async () =>
        takePush(await depsOf(), { secret: new URL(url).pathname.split('/').at(-1) ?? '', form: body }),
      );
      return new Response(null, { status: taken.ok ? 200 : 503 });
    },
    people: Array.from({ length: people }, (_, index) => ({
      id: userOf(index),
      userid: index + 1,
      name: '',
      description: '',
      timezone: 'Europe/Berlin',
    })),
  });
  simulator.state.clock.freeze();
  const moveTo = (at: number) => {
    now = Math.max(now, at);
    simulator.state.clock.set(now);
  };
  const count = (form: URLSearchParams) => {
    const kind = kindOf(form, cause.getStore() ?? 'link');
    requests[kind] += 1;
    if (kind !== 'list' && kind !== 'subscribe') return;
    notifyAt.push(now);
    while ((notifyAt[0] ?? now) <= now - MINUTE_MS) notifyAt.shift();
    busiestNotifyMinute = Math.max(busiestNotifyMinute, notifyAt.length);
  };

  const bindings = {
    DB: database.bind(async () => undefined),
    LINKS: createMemoryKv(),
    KEYRING: JSON.stringify({ current: 'k1', keys: { k1: 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE' } }),
    OPERATOR_TOKEN: await mintCredential('operator', randomBytes),
    PUBLIC_URL,
    WITHINGS_CLIENT_ID: CLIENT.clientId,
    WITHINGS_CLIENT_SECRET: CLIENT.clientSecret,
    WITHINGS_API_URL: 'https://wbsapi.withings.net',
    WITHINGS_LOGIN_URL: 'https://account.withings.com',
  } satisfies Bindings;
  const depsOf = async () => {
    const composed = await compose(bindings, (work) => background.push(work), {
      fetch: async (input, init) => {
        count(init?.body instanceof URLSearchParams ? init.body : new URLSearchParams());
        return simulator.fetch(input, init);
      },
      now: () => now,
      databaseNow: () => now,
      sleep: async (ms) => moveTo(now + ms),
      random: randomBytes,
      log: () => undefined,
    });
    if (!composed.ok) throw new Error(composed.failure);
    return composed.value;
  };
  /** Runs an invocation to its end, with all that it goes on with behind its answer. */
  const invoke = (why: Cause, run: () => Promise<unknown>) =>
    cause.run(why, async () => {
      await run();
      while (background.length > 0) await background.shift();
    });

  database.database.prepare('INSERT INTO apps (id, name, created_at) VALUES (?, ?, ?)').run(APP, APP, now);
  return {
    simulator,
    database: database.database,
    requests,
    busiestNotifyMinute: () => busiestNotifyMinute,
    now: () => now,
    moveTo,
    tick: () => invoke('cron', async () => tick(await depsOf())),
    deliverPushes: () => invoke('push', () => simulator.deliverPushes()),
    /** What the callback does once it has claimed its state. */
    link: (index: number) =>
      invoke('link', async () => {
        const deps = await depsOf();
        const fields = { clientId: CLIENT.clientId, userid: index + 1, scopes: ['user.metrics'] };
        const code = secret(simulator.state.codes.issue({ ...fields, redirectUri: CALLBACK_URL }));
        const granted = await deps.withings.reserve({ share: 'link' }, 1);
        if (!granted.ok) throw new Error(granted.failure.kind);
        const grant = await deps.withings.exchangeCode(granted.value, { code, redirectUri: CALLBACK_URL });
        if (!grant.ok) throw new Error(`the exchange failed: ${grant.failure.kind}`);
        const link = {
          appId: APP,
          userId: asUserId(userOf(index)),
          policy: 'open',
          kind: 'open',
          historyOnConnect: 'all',
          origin: PUBLIC_URL,
          sameBrowser: true,
          isDemo: false,
        } as const;
        const claim = { id: String(index), expiresAt: now + MINUTE_MS };
        const kept = await storeGrant(deps, { ...link, grant: grant.value, scope: ['user.metrics'], claim }, undefined);
        if (!kept.ok || kept.value.pull === undefined) throw new Error('the link was not stored');
        await pullAtConnect(deps, { id: kept.value.pull, appId: APP });
      }),
    weighIn: (index: number) => {
      const person = simulator.state.people.find(index + 1);
      if (person !== undefined)
        simulator.state.weighIns.add(person, { weightKg: 60 + Math.random(), weightOnly: true });
    },
  };
};

const userOf = (index: number) => `user-${index}`;

const kindOf = (form: URLSearchParams, cause: Cause): Kind => {
  const action = form.get('action');
  if (form.has('refresh_token')) return 'refresh';
  if (form.has('code')) return 'exchange';
  if (action === 'list' || action === 'subscribe') return action;
  if (action !== 'getmeas') return 'other';
  if (cause === 'link') return 'history';
  // Nothing but a review asks for a window here: no history is longer than a slice.
  if (!form.has('lastupdate')) return cause === 'push' ? 'recentWindow' : 'olderWindow';
  return cause === 'push' ? 'pull' : 'poll';
};

import { env } from 'cloudflare:workers';
import { expect } from 'vitest';

import { compose } from '../../src/compose.ts';
import type { Bindings } from '../../src/config.ts';
import { tick } from '../../src/cron.ts';
import { mintCredential } from '../../src/crypto/credential.ts';
import type { AppId } from '../../src/domain/app-id.ts';
import type { HistoryOnConnect } from '../../src/domain/app.ts';
import type { LogEntry } from '../../src/domain/log.ts';
import { http } from '../../src/http/app.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { plantSecret, recordAnswer } from './canaries.ts';
import { meterD1, untilStorageIsIdle } from './d1-meter.ts';
import { watchLog } from './leaks.ts';
import { meterKv } from './meters.ts';
import { watchStatements } from './query-plans.ts';
import { limitedTo } from './rate-limit.ts';
import { faultOf } from './reference-check.ts';

export { emptyStorage, emptyTables } from './dump.ts';

/**
 * The broker as it runs: its routes and its cron tick in workerd, on real D1 and KV. Withings is the simulator, and
 * both have one clock. Only the platform is replaced: `fetch`, the clock, randomness and the log.
 */
export type Broker = Awaited<ReturnType<typeof startBroker>>;

export const ORIGIN = 'https://broker.example.com';
const CALLBACK = `${ORIGIN}/withings/callback`;
export const WOMOJI = 'womoji://withings/success';
export const WEB = 'https://app.example.com/withings/done';

export const CLIENT_ID = 'c1'.repeat(32);
/** Planted where secrets are; searched for where they must not be. */
export const CLIENT_SECRET = '5ec4e7'.padEnd(64, '0');
const ROOT_KEY = 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE';
const KEYRING = JSON.stringify({ current: 'k1', keys: { k1: ROOT_KEY } });

const START = Date.UTC(2026, 5, 15, 12, 0, 0);

export const startBroker = async (
  options: {
    bindings?: Partial<Bindings>;
    settings?: SimulatorOptions['settings'];
    fetch?: (send: typeof fetch) => typeof fetch;
    /** How far the broker's clock is ahead of everybody's: D1's, Withings', the test's. */
    aheadMs?: number;
    /** When its clock begins. */
    startAt?: number;
  } = {},
) => {
  let now = options.startAt ?? START;
  const logs: LogEntry[] = [];
  const background: Promise<unknown>[] = [];
  const random = (size: number) => crypto.getRandomValues(new Uint8Array(size));
  const operatorToken = await mintCredential('operator', random);
  plantSecret('operator token', operatorToken);
  plantSecret('client secret', CLIENT_SECRET);
  plantSecret('keyring key', ROOT_KEY);
  watchLog(logs);
  const simulator = createSimulator({
    now: () => now,
    clients: [{ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, name: 'Test', redirectUris: [CALLBACK] }],
    settings: options.settings ?? {},
    outgoing: async (url, init) => request(url, init as Parameters<typeof request>[1]),
  });
  simulator.state.clock.freeze();
  const hostsAsked = new Set<string>();
  const send = (async (input: RequestInfo | URL, init?: RequestInit) => {
    hostsAsked.add(new URL(input instanceof Request ? input.url : input).host);
    try {
      return await simulator.fetch(input, init);
    } finally {
      for (const { accessToken, refreshToken } of simulator.state.grants.all().flatMap(({ pairs }) => pairs)) {
        plantSecret('access token of Withings', accessToken);
        plantSecret('refresh token of Withings', refreshToken);
      }
    }
  }) as typeof fetch;
  let bindings = {
    LINKS: meterKv(env.LINKS).kv,
    KEYRING,
    OPERATOR_TOKEN: operatorToken,
    WITHINGS_CLIENT_ID: CLIENT_ID,
    WITHINGS_CLIENT_SECRET: CLIENT_SECRET,
    WITHINGS_API_URL: 'https://wbsapi.withings.net',
    WITHINGS_LOGIN_URL: 'https://account.withings.com',
    // Tests link many people while the clock stands still.
    LINK_REQUESTS_PER_MINUTE: '120',
    // Subscribing takes its own requests and ticks. Tests of it turn it on.
    NOTIFY_APPLI: '',
    CALLBACK_RATE: limitedTo(10, () => now),
    WAIT_RATE: limitedTo(2, () => now),
    ...options.bindings,
    DB: watchStatements(options.bindings?.DB ?? meterD1(env.DB).d1),
  } satisfies Bindings;
  const advance = (ms: number): void => {
    now += ms;
    simulator.state.clock.set(now);
  };
  const deps = async () => {
    const composed = await compose(bindings, (work) => background.push(work), {
      fetch: options.fetch?.(send) ?? send,
      now: () => now + (options.aheadMs ?? 0),
      databaseNow: () => now,
      // All else goes on in a pause, and the clock moves with it. Pauses at the same time are not one after the other.
      // The clock waits for D1 and KV: on a busy machine it would otherwise overtake what a lease or a limit is for.
      sleep: async (ms, work) => {
        const until = now + ms;
        const done = work?.then(() => true).catch(() => true);
        const isDone = await untilStorageIsIdle().then(() => Promise.race([done, Promise.resolve(false)]));
        if (until > now && isDone !== true) advance(until - now);
      },
      random,
      log: (entry) => logs.push(entry),
    });
    if (!composed.ok) throw new Error(composed.failure);
    return composed.value;
  };
  const request = async (
    path: string,
    init: RequestInit & { headers?: Record<string, string> } = {},
  ): Promise<Response> => {
    const sent = new Request(new URL(path, ORIGIN), { redirect: 'manual', ...init });
    const response = await http.fetch(sent, { deps: await deps() });
    await recordAnswer(sent.method, sent.url, response);
    // Of all redirects only these never repeat a body.
    if (response.headers.has('Location')) expect([201, 302, 303]).toContain(response.status);
    expect(await faultOf(sent, response)).toBeUndefined();
    return response;
  };

  return {
    simulator,
    logs,
    /** The hosts that the broker has sent requests to. */
    hostsAsked: () => [...hostsAsked],
    /** Another version of the Worker with other settings: what is composed from now on has them. */
    deploy: (changes: Partial<Bindings>): void => {
      bindings = { ...bindings, ...changes };
    },
    /** What it runs on now. */
    bindings: (): Bindings => bindings,
    operatorToken,
    /** Where it is reached. */
    origin: ORIGIN,
    request,
    /** The broker as a client of its API reaches it. */
    fetch: ((input: RequestInfo | URL, init: RequestInit = {}) =>
      request(input instanceof Request ? input.url : input.toString(), {
        ...init,
        headers: Object.fromEntries(new Headers(init.headers)),
      })) as typeof fetch,
    deps,
    advance,
    now: () => now,
    tick: async () => tick(await deps()),
    /** Everything that was left running behind an answer. */
    settle: () => Promise.all(background),
    manage: (method: string, path: string, body?: unknown) =>
      request(path, {
        method,
        headers: {
          Authorization: `Bearer ${operatorToken}`,
          ...(body !== undefined && { 'Content-Type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
  };
};

/** An app with a key and two redirect URIs. Unless a test wants it, nothing is read at connect: most count a sync. */
export const makeApp = async (
  broker: Broker,
  name = 'Womoji',
  accountId?: string,
  history: HistoryOnConnect = 'none',
) => {
  const wanted = { name, account_id: accountId, history_on_connect: history };
  const created = await broker.manage('POST', '/apps', wanted);
  const { id } = await created.json<{ id: AppId }>();
  const keyed = await broker.manage('POST', `/apps/${id}/keys`, { name: 'backend' });
  const { key } = await keyed.json<{ key: string }>();
  for (const uri of [WOMOJI, WEB]) await broker.manage('PUT', `/apps/${id}/redirect-uris`, { uri });
  const withKey = (method: string, path: string, body?: unknown) =>
    broker.request(`/apps/${id}${path}`, {
      method,
      headers: { 'X-API-Key': key, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const minted = async (kind: string, body: object, field: 'token' | 'auth_url'): Promise<string> =>
    (await (await withKey('POST', `/withings/${kind}`, body)).json<Record<typeof field, string>>())[field];
  return {
    id,
    key,
    call: withKey,
    userToken: (userId: string) => minted('user-tokens', { user_id: userId }, 'token'),
    /** The link of a connect session. */
    sessionLink: (userId: string) => minted('connect-sessions', { user_id: userId, redirect_uri: WOMOJI }, 'auth_url'),
  };
};
export type TestApp = Awaited<ReturnType<typeof makeApp>>;

/** The cookies that an answer sets, as the browser sends them back. */
export const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');

export const authPath = (app: { id: string }, userId: string, redirectUri = WOMOJI): string =>
  `/apps/${app.id}/withings/auth?user_id=${encodeURIComponent(userId)}&redirect_uri=${encodeURIComponent(redirectUri)}`;

/** Opens a link as a browser would. */
export const openLink = async (broker: Broker, path: string) => {
  const response = await broker.request(path);
  return { response, authorizeUrl: response.headers.get('Location') ?? '', cookies: cookiesOf(response) };
};

/** Consents (or not) on the simulator's page; the URL that the browser is sent back to. */
export const consent = async (
  { simulator }: { simulator: Simulator },
  authorizeUrl: string,
  person: string,
  decision: 'allow' | 'deny' = 'allow',
): Promise<string> => {
  const answer = await simulator.fetch(authorizeUrl, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ person, decision }).toString(),
  });
  const location = answer.headers.get('Location');
  if (location === null) throw new Error(`no redirect from the consent page: ${answer.status} ${await answer.text()}`);
  plantSecret('code', new URL(location).searchParams.get('code'));
  return location;
};

/** Walks the whole flow in one browser; the answer of the callback. */
export const connect = async (
  broker: Broker,
  app: { id: string },
  userId: string,
  person: string,
): Promise<Response> => {
  const { authorizeUrl, cookies } = await openLink(broker, authPath(app, userId));
  const callback = await consent(broker, authorizeUrl, person);
  return broker.request(callback, { headers: { Cookie: cookies } });
};

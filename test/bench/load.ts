import { Agent, request as send } from 'node:http';

import { GROUP_MARK, MARK } from './marks.ts';
import { type Route, ROUTES } from './routes.ts';
import { API_KEY } from './seed.ts';
import type { Served } from './serve.ts';

/** Requests by the slice, now to one, now to the other, so that whatever else the machine does hits both. */

const AT_ONCE = 8;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

type Answer = { status: number; location: string; cookie: string; text: string };

const ask = async (base: URL, path: string, method: string, headers: Record<string, string>): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = send(new URL(path, base).href, { method, headers, agent }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('error', reject);
      response.on('end', () => {
        const { location = '', 'set-cookie': cookies = [] } = response.headers;
        resolve({ status: response.statusCode ?? 0, location, cookie: cookies[0] ?? '', text });
      });
    });
    sent.on('error', reject);
    sent.end();
  });

/** A request to be made: its path, and headers beside the credential. */
type Prepared = { path: string; headers: Record<string, string> };

/** Something that a route is measured at. */
export type Contestant = { served: Served; prepare: (serial: number) => Promise<Prepared> };

/** The connections that are there to be synced: the broker's and the floor's. */
export const SYNCABLE = 2_000;
/** Numbers of users that connect begin here. */
const FIRST_NEW = MARK + 1_000_000;
/** Groups that the floor stores have ids that Withings did not assign. */
const FIRST_GROUP = GROUP_MARK + 10_000_000;

export const brokerAt = (served: Served, route: Route): Contestant => {
  const { path, prepare } = ROUTES[route];
  return {
    served,
    prepare: async (serial) => {
      const id = route === 'sync' ? MARK + 1 + (serial % SYNCABLE) : FIRST_NEW + serial * 2;
      const prepared = await prepare?.(id, (before, headers) => ask(served.url, before, 'GET', headers));
      return prepared ?? { path: path(id), headers: {} };
    },
  };
};

export const floorAt = (served: Served, route: Route): Contestant => ({
  served,
  prepare: async (serial) => {
    const id = route === 'sync' ? MARK + 1 + SYNCABLE + (serial % SYNCABLE) : FIRST_NEW + serial * 2 + 1;
    const numbers = `${id}/${FIRST_GROUP + serial}`;
    // What the callback reads from KV was written there by its `auth`.
    if (route === 'callback') await ask(served.url, `/auth/${numbers}`, 'GET', {});
    return { path: `/${route}/${numbers}`, headers: {} };
  },
});

export const grantAt = (served: Served, route: 'auth' | 'callback'): Contestant => ({
  served,
  prepare: async (serial) => {
    const path = '/connect/withings';
    if (route === 'auth') return { path, headers: {} };
    const { location, cookie } = await ask(served.url, path, 'GET', {});
    const state = new URL(location).searchParams.get('state') ?? '';
    const query = new URLSearchParams({ code: `code-${MARK + serial}`, state });
    return { path: `${path}/callback?${query.toString()}`, headers: { Cookie: cookie.split(';')[0] ?? '' } };
  },
});

export const plainAt = (served: Served, route: 'status' | 'metrics'): Contestant => ({
  served,
  prepare: async () => ({ path: ROUTES[route].path(0), headers: {} }),
});

/** What one slice showed. */
export type Slice = { requests: number; ms: number; cpuMs: number };

let serials = 0;

/** Makes `count` requests, the ones before them unmeasured. Every answer is read, and has to be the expected one. */
const slice = async ({ served, prepare }: Contestant, route: Route, count: number): Promise<Slice> => {
  const { method, status } = ROUTES[route];
  const prepared: Prepared[] = [];
  for (let made = 0; made < count; made += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - made) }, () => prepare(serials++));
    prepared.push(...(await Promise.all(batch)));
  }
  const cpuBefore = served.cpuMs();
  const begun = performance.now();
  const worker = async (): Promise<void> => {
    for (let next = prepared.pop(); next !== undefined; next = prepared.pop()) {
      const answer = await ask(served.url, next.path, method, { 'X-API-Key': API_KEY, ...next.headers });
      if (answer.status !== status) throw new Error(`${next.path} answered ${answer.status}: ${answer.text}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { requests: count, ms: performance.now() - begun, cpuMs: served.cpuMs() - cpuBefore };
};

/** Requests of a contestant that are not counted, and the fewest in a slice. */
const WARM_UP = 100;
const FEWEST = 24;

/** Rounds in which each contestant has a slice, begun by another one each time. */
export const alternate = async (
  contestants: readonly Contestant[],
  route: Route,
  { rounds, sliceMs }: { rounds: number; sliceMs: number },
): Promise<Slice[][]> => {
  const counts: number[] = [];
  for (const contestant of contestants) {
    await slice(contestant, route, WARM_UP);
    const { requests, ms } = await slice(contestant, route, FEWEST);
    counts.push(Math.max(FEWEST, Math.round((requests * sliceMs) / ms)));
  }
  const slices: Slice[][] = contestants.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < contestants.length; turn += 1) {
      const index = (round + turn) % contestants.length;
      const contestant = contestants[index];
      if (contestant !== undefined) slices[index]?.push(await slice(contestant, route, counts[index] ?? 0));
    }
  }
  return slices;
};

/** The agent keeps connections open, and with them the process. */
export const hangUp = (): void => agent.destroy();

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, test } from 'vitest';

import type { Kv } from '../../src/store/kv.ts';
import {
  authPath,
  type Broker,
  consent,
  emptyStorage,
  makeApp,
  openLink,
  startBroker,
  type TestApp,
  WOMOJI,
} from '../support/broker.ts';
import { dumpKv } from '../support/dump.ts';
import { meterFetch, meterKv } from '../support/meters.ts';
import { changingNothing } from '../support/problem.ts';

/**
 * KV failing, or slow, in a link: the record travels in the state, or the browser goes back to the app and no code is
 * sent.
 */

const kv = meterKv(env.LINKS);
const sent = meterFetch();
/** Writes wait for it. */
let written: Promise<void>;
let broker: Broker;
let app: TestApp;
let users = 0;

beforeEach(async () => {
  await emptyStorage();
  kv.fail();
  written = Promise.resolve();
  const slowKv: Kv = {
    ...kv.kv,
    put: async (key, value, options) => {
      await written;
      await kv.kv.put(key, value, options);
    },
  };
  broker = await startBroker({ bindings: { LINKS: slowKv }, fetch: sent.wrap });
  app = await makeApp(broker);
  users += 1;
  kv.reset();
  sent.reset();
});

const user = () => `user-${users}`;

const consented = async () => {
  const { authorizeUrl, cookies } = await openLink(broker, authPath(app, user()));
  const url = await consent(broker, authorizeUrl, 'nora');
  const state = new URL(url).searchParams.get('state') ?? '';
  return { state, finish: () => broker.request(url, { headers: { Cookie: cookies } }) };
};
const carries = (state: string): boolean =>
  'rec' in JSON.parse(atob((state.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')));

const errorIn = (response: Response) => new URL(response.headers.get('Location') ?? 'none:').searchParams.get('error');

describe('KV', () => {
  test('that takes no writes is done without: the record travels sealed in the state', async () => {
    kv.fail('put');
    const before = await dumpKv();
    const { state, finish } = await consented();
    expect(await dumpKv()).toEqual(before);
    const payload = atob((state.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    expect(payload).not.toContain(user());
    kv.reset();
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect(kv.operations).toEqual([]);
    expect(await (await app.call('GET', `/withings/status/${user()}`)).json()).toEqual({ connected: true });
    expect(broker.logs).toContainEqual(expect.objectContaining({ level: 'warn', outcome: 'kv_put_failed' }));
  });

  test('that cannot be read sends the browser back to the app, and no code is exchanged', async () => {
    const { finish } = await consented();
    kv.fail('get');
    expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
    expect(sent.count()).toBe(0);
  });

  test('that lost the record sends the browser back to the app, and no code is exchanged', async () => {
    const { finish } = await consented();
    for (const key of Object.keys(await dumpKv())) await env.LINKS.delete(key);
    expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
    expect(sent.count()).toBe(0);
  });

  test('that gives another flow’s record is not believed', async () => {
    const { finish } = await consented();
    const other = await openLink(broker, authPath(app, 'eve'));
    const records = Object.entries(await dumpKv());
    expect(other.authorizeUrl).not.toBe('');
    for (const [index, [key]] of records.entries()) {
      await env.LINKS.put(key, records[(index + 1) % records.length]?.[1] ?? '');
    }
    expect(errorIn(await changingNothing(finish))).toBe('temporarily_unavailable');
    expect(broker.logs).toContainEqual(expect.objectContaining({ event: 'alarm', outcome: 'link_record_unreadable' }));
  });

  test('that writes in time keeps the record, and nothing waits longer than the write', async () => {
    const before = broker.now();
    const { state, finish } = await consented();
    expect(broker.now()).toBe(before);
    expect(carries(state)).toBe(false);
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect(kv.operations).toEqual(['put', 'get']);
  });

  test('that is slow to write delays a link by 50 ms at most; the record travels in the state, and is written in the end', async () => {
    const write = Promise.withResolvers<void>();
    written = write.promise;
    const before = broker.now();
    const { state, finish } = await consented();
    expect(broker.now()).toBeGreaterThan(before);
    expect(broker.now() - before).toBeLessThanOrEqual(50);
    expect(carries(state)).toBe(true);
    expect((await finish()).headers.get('Location')).toBe(WOMOJI);
    expect(kv.operations).toEqual([]);
    expect(broker.logs.filter(({ level }) => level !== 'info')).toEqual([]);
    write.resolve();
    await broker.settle();
    expect(kv.operations).toEqual(['put']);
    expect(Object.keys(await dumpKv())).toHaveLength(1);
  });
});

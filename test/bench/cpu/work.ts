import { PLANS } from '../../../src/domain/plan.ts';
import { DAY_MS, toSeconds } from '../../../src/domain/time.ts';
import { APP, MARK, READ_USER } from '../marks.ts';
import { ROUTES } from '../routes.ts';
import { API_KEY, connectionRows, measurementRows, syncableRows } from '../seed.ts';
import type { Isolate } from './isolate.ts';
import type { StandIns } from './stand-ins.ts';

/** Every kind of work of an invocation, as the CPU bench sets it up. */

type Database = { standIns: StandIns };
type World = Database & { /** An isolate that is not measured. */ other: Isolate };

/** One invocation: a request with the status that it has to have, or a tick. */
export type Invocation = { path: string; init: RequestInit; status: number } | 'tick';

export type Work = {
  name: string;
  /** CPU milliseconds at most: above the bare Worker's in a warm isolate, and in all of the first invocation of one. */
  atMost: { warm: number; cold?: number };
  setUp: (world: World) => Promise<void> | void;
  /** Before each invocation, unmeasured. */
  prepare: (world: World, serial: number) => Promise<Invocation> | Invocation;
};

const WARM_MS = 10;
const COLD_MS = 15;
const HEADERS = { 'X-API-Key': API_KEY };
const FREE = PLANS.free;

/** More connections than invocations of one kind. */
const CONNECTIONS = 200;
const FIRST_NEW = MARK + 1_000_000;

const withSyncable =
  (more: string = 'id = id') =>
  async ({ standIns }: Database): Promise<void> => {
    standIns.run([...(await syncableRows(1, CONNECTIONS)), `UPDATE connections SET ${more} WHERE id > ${MARK}`]);
  };

/** @param isPast whether the newest 90 days and the heights are read already */
const withHistory =
  (groups: number, pageSize: number, isPast: boolean) =>
  async (world: World): Promise<void> => {
    const now = Date.now();
    const untilSeconds = toSeconds(now - 90 * DAY_MS);
    const position = JSON.stringify({ startedAt: now, newsAt: now, untilSeconds, heights: 'read' });
    await withSyncable(isPast ? `sync_history = '${position}'` : 'sync_cursor_seconds = 0')(world);
    world.standIns.history.fill(groups, pageSize);
  };

const withValues = ({ standIns }: Database): void =>
  standIns.run([...connectionRows(0, 1), ...measurementRows(1, 0, 4_000)]);

/** Withings' shares are no limit here. */
const freeShares = ({ standIns }: World): void => standIns.run(['DELETE FROM request_budgets']);

const get = (path: string, status = 200): Invocation => ({ path, init: { headers: HEADERS }, status });

const reading = (name: string, question: string): Work => ({
  name,
  atMost: { warm: WARM_MS },
  setUp: withValues,
  prepare: () => get(`/apps/${APP}/metrics/${READ_USER}${question}`),
});

/** @param before statements ahead of each invocation, about its connection */
const syncing = (
  name: string,
  setUp: Work['setUp'],
  status: number,
  before: (id: number) => string[] = () => [],
): Work => ({
  name,
  atMost: { warm: WARM_MS },
  setUp,
  prepare: (world, serial) => {
    const id = MARK + 1 + (serial % CONNECTIONS);
    freeShares(world);
    world.standIns.run(before(id));
    return {
      path: ROUTES.sync.path(id),
      init: { method: 'POST', headers: HEADERS },
      status,
    };
  },
});

const ticking = (name: string, makeDue: (serial: number) => string[]): Work => ({
  name,
  atMost: { warm: WARM_MS },
  // Only a connection that was synced lately is reviewed.
  setUp: withSyncable(`access_expires_at = 1, last_used_at = last_sync_at`),
  prepare: (world, serial) => {
    freeShares(world);
    world.standIns.run(makeDue(serial));
    return 'tick';
  },
});

/** Connections become due in the order of their numbers, and are used again when all were. */
const due = (count: number) => (serial: number) => [
  `UPDATE connections SET next_refresh_at = 1, in_doubt_since = NULL WHERE id IN (${Array.from(
    { length: count },
    (_, index) => MARK + 1 + ((serial * count + index) % CONNECTIONS),
  ).join(',')})`,
];

const callback: Work = {
  name: '`callback`',
  atMost: { warm: WARM_MS, cold: COLD_MS },
  setUp: () => undefined,
  prepare: async (world, serial) => {
    freeShares(world);
    const prepared = await ROUTES.callback.prepare?.(FIRST_NEW + serial, async (path, headers) => {
      const answer = await world.other.fetch(path, { headers });
      await answer.text();
      return { location: answer.headers.get('Location') ?? '', cookie: answer.headers.getSetCookie()[0] ?? '' };
    });
    return { path: prepared?.path ?? '', init: { headers: prepared?.headers ?? {} }, status: 302 };
  },
};

/** The page size of Withings is not documented; one recording has 2,062 groups in a page. */
const SMALL_PAGE = 300;
const LARGE_PAGE = 2_000;

const HISTORIES: readonly Work[] = [
  syncing('first sync, the newest 90 days', withHistory(4_000, SMALL_PAGE, false), 202),
  syncing(`history, page of ${SMALL_PAGE} groups`, withHistory(4_000, SMALL_PAGE, true), 202),
  syncing(`history, page of ${LARGE_PAGE.toLocaleString('en-US')} groups`, withHistory(12_000, LARGE_PAGE, true), 202),
];

export const WORK: readonly Work[] = [
  {
    name: '`auth`',
    atMost: { warm: WARM_MS, cold: COLD_MS },
    setUp: () => undefined,
    prepare: (_, serial) => get(ROUTES.auth.path(FIRST_NEW + serial), 302),
  },
  callback,
  {
    name: '`status`',
    atMost: { warm: WARM_MS, cold: COLD_MS },
    setUp: withValues,
    prepare: () => get(ROUTES.status.path(0)),
  },
  reading('metrics page of 100', '?metric=weight&limit=100'),
  reading('metrics page of 1,000', '?metric=weight&limit=1000'),
  reading('daily summary of 4,000 values', '/daily?metric=weight&from=2000-01-01'),
  syncing('sync of a weigh-in', withSyncable(), 200),
  syncing('sync of a weigh-in with a refresh', withSyncable(), 200, (id) => [
    `UPDATE connections SET access_expires_at = 1 WHERE id = ${id}`,
  ]),
  ...HISTORIES,
  ticking('tick with nothing due', () => []),
  ticking(`tick with ${FREE.refreshBatch} refreshes`, due(FREE.refreshBatch)),
  ticking('tick with a review', (serial) => [
    `UPDATE connections SET next_review_at = 1 WHERE id = ${MARK + 1 + (serial % CONNECTIONS)}`,
  ]),
];

/** What can share a database. */
export const MIXED = WORK.filter((work) => !HISTORIES.includes(work));
/** They take turns. */
export const workOf = (serial: number): Work => MIXED[serial % MIXED.length] as Work;
export const setUpMixed = async (world: Database): Promise<void> => {
  withValues(world);
  await withSyncable('last_used_at = last_sync_at')(world);
};

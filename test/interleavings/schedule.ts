import type { Deps } from '../../src/broker/deps.ts';
import { sync } from '../../src/broker/sync/sync.ts';
import { disconnect } from '../../src/broker/users/connection-state.ts';
import { tick } from '../../src/cron.ts';
import { USER } from '../../src/domain/audit.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import { type Action, type Schedule, USERS } from './actions.ts';
import { linkAccount } from './link-account.ts';
import { APP_ID, createWorld, type D1Fault, type SavedWorld, START, type World } from './world.ts';

/** The clock stops here: with the cron dead for 8 hours, a refresh in doubt would be lost without a bug. */
const MOST_PASSED_MS = 4 * 3_600_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Longer than the 8 hours that Withings honours a superseded refresh token. */
const REST_MS = 9 * 3_600_000;

/** How every schedule begins. */
let connected: SavedWorld | undefined;
const connectUsers = async (): Promise<SavedWorld> => {
  const world = createWorld(USERS);
  for (const name of USERS) reconnect(world, name, name);
  await world.settle();
  return world.save();
};

/** Runs a schedule, lets everything come to rest, and says what went wrong. */
export const violationsOf = async ({ ageMinutes, actions, picks }: Schedule): Promise<string[]> => {
  connected ??= await connectUsers();
  const world = createWorld(USERS, { saved: connected });
  const history = { withdrawn: new Set<string>(), disconnected: new Set<string>() };
  world.advance(ageMinutes * MINUTE_MS);

  const left = [...actions];
  let step = 0;
  while (left.length > 0 || world.turns.waiting().length > 0) {
    const waiting = world.turns.waiting().length;
    const choices = waiting + (left.length > 0 ? 1 : 0);
    const pick = (picks[step] ?? 0) % choices;
    step += 1;
    const next = pick === waiting ? left.shift() : undefined;
    if (next === undefined) await world.turns.release(pick);
    else begin(world, history, next);
  }
  await comeToRest(world);
  return [...world.observer.violations, ...(await lostConnections(world, history)), ...world.turns.errors.map(String)];
};

type History = { withdrawn: Set<string>; disconnected: Set<string> };

const begin = (world: World, history: History, action: Action): void => {
  const name = 'user' in action ? (USERS[action.user] ?? '') : '';
  switch (action.do) {
    case 'tick':
      return world.invoke('tick', (deps) => tick(deps));
    case 'sync':
      return world.invoke(`sync ${name}`, (deps) => syncUser(world, deps, name));
    case 'disconnect':
      return disconnectUser(world, history, name);
    case 'reconnect':
      world.observer.disconnected.delete(name);
      return reconnect(world, `reconnect ${name}`, name);
    case 'withdraw':
      history.withdrawn.add(name);
      world.simulator.state.grants.withdraw(world.simulator.state.people.find(name)?.userid ?? 0);
      return undefined;
    case 'advance':
      if (world.now() - START < MOST_PASSED_MS + 4 * 3_600_000) world.advance(action.seconds * 1_000);
      return undefined;
    case 'withings':
      world.simulator.state.faults.add({ ...action.fault, times: action.times });
      return undefined;
    case 'd1':
      world.d1Faults.push(...Array<D1Fault>(action.times).fill(action.fault));
      return undefined;
    case 'outage':
      return world.endD1(action.hours * HOUR_MS);
    case 'kv':
      return world.failKv(action.times);
    case 'kill':
      return world.turns.kill(action.victim % Math.max(1, world.turns.waiting().length));
  }
};

const rowOf = (world: World, name: string) =>
  world.database.prepare('SELECT id, state, refresh_token_sealed FROM connections WHERE user_id = ?').get(name);

const syncUser = async (world: World, deps: Deps, name: string): Promise<boolean> => {
  const row = rowOf(world, name);
  return row === undefined ? false : (await sync(deps, { id: asConnectionId(Number(row['id'])), appId: APP_ID })).ok;
};

const disconnectUser = (world: World, history: History, name: string): void => {
  history.disconnected.add(name);
  world.invoke(`disconnect ${name}`, async (deps) => {
    const done = await disconnect(deps, {
      appId: APP_ID,
      userId: asUserId(name),
      by: { id: USER, tokenId: undefined, surface: 'api' },
    });
    const reconnecting = world.turns.waiting().includes(`reconnect ${name}`);
    if (done.ok && !reconnecting && rowOf(world, name)?.['state'] === 'disconnected')
      world.observer.disconnected.add(name);
  });
};

const reconnect = (world: World, task: string, name: string): void =>
  world.invoke(task, async (deps) => {
    // What goes on behind the callback is of the same task, or its turns would be counted twice.
    const behind: Promise<unknown>[] = [];
    const waitUntil = (work: Promise<unknown>) => void behind.push(work);
    const link = { appId: APP_ID, userId: asUserId(name), person: name, policy: 'open', claimId: name } as const;
    await linkAccount(world, { ...deps, waitUntil }, link);
    await Promise.all(behind);
  });

/** The faults are over, D1's at the end of its outage; the cron ticks whenever something falls due, until nothing does for longer than a superseded token lives. */
const comeToRest = async (world: World): Promise<void> => {
  world.simulator.state.faults.clear();
  world.d1Faults.length = 0;
  world.failKv(0);
  for (let ticks = 0; ticks < 3 && world.now() < world.d1OutUntil(); ticks += 1) {
    world.advance((world.d1OutUntil() - world.now()) / 2);
    world.invoke('tick', (deps) => tick(deps));
    await world.settle();
  }
  if (world.now() < world.d1OutUntil()) world.advance(world.d1OutUntil() - world.now());
  const nextDue = world.database.prepare('SELECT min(next_refresh_at) AS at FROM connections');
  const isOver = () => Number(nextDue.get()?.['at'] ?? Infinity) > world.now() + REST_MS;
  for (let ticks = 0; ticks < 40 && !isOver(); ticks += 1) {
    world.advance(Math.max(MINUTE_MS, Number(nextDue.get()?.['at']) - world.now()));
    world.invoke('tick', (deps) => tick(deps));
    await world.settle();
  }
  world.advance(REST_MS);
};

/**
 * Who has to log in although neither they nor Withings ended the connection. If D1 was out for hours, a pair that the broker never had, or that
 * KV would not take, is lost to no fault of its own.
 */
const lostConnections = async (world: World, history: History): Promise<string[]> => {
  const lost: string[] = [];
  for (const name of USERS) {
    if (history.withdrawn.has(name)) continue;
    if (isExcused(world, name)) continue;
    const state = rowOf(world, name)?.['state'];
    if (state === 'disconnected' && history.disconnected.has(name)) continue;
    let synced = false;
    world.advance(MINUTE_MS);
    world.invoke(`sync ${name}`, async (deps) => {
      synced = await syncUser(world, deps, name);
    });
    await world.settle();
    if (!synced)
      lost.push(`${name} was lost (${String(state)} before, ${String(rowOf(world, name)?.['state'])} after)`);
  }
  return lost;
};

const isExcused = (world: World, name: string): boolean =>
  world.d1OutUntil() - START > MOST_PASSED_MS &&
  world.observer.mayHaveMissed(world.simulator.state.people.find(name)?.userid ?? 0);

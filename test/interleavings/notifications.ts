import { disconnect } from '../../src/broker/users/connection-state.ts';
import { eraseUser } from '../../src/broker/users/erase-user.ts';
import { tick } from '../../src/cron.ts';
import { type Actor, USER } from '../../src/domain/audit.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import { type Action, type NotificationSchedule, PEOPLE } from './notification-schedule.ts';
import { appOf, connect, createPreparedWorld, userOf } from './notifications-world.ts';
import { groupOfEachKind } from './of-each-kind.ts';
import { IS_LEFT, NEXT_DUE } from './what-is-due.ts';
import type { World } from './world.ts';

/** Withings gives a callback up after this time without a delivery. */
const CANCELLED_AFTER_DAYS = 22;
/** Longer than Withings repeats a push that was not delivered, and shorter than until a review reads everything again. */
const REST_MS = 7 * HOUR_MS;
const MOST_TICKS = 400;
const BY: Actor = { id: USER, tokenId: undefined, surface: 'api' };

/** A weigh-in, or a correction of the newest. */
const weigh = ({ simulator }: World, person: Person, edit: boolean): void => {
  const { weighIns } = simulator.state;
  const newest = person.groups.all().at(-1);
  const weightKg = 60 + person.groups.all().length + (edit ? 0.5 : 0);
  if (edit && newest !== undefined) weighIns.edit(person, newest.grpid, { weightKg });
  else weighIns.add(person, { weightKg, weightOnly: true });
};

const begin = (world: World, action: Action): void => {
  const { people, faults, settings } = world.simulator.state;
  switch (action.do) {
    case 'weigh': {
      const found = people.find(PEOPLE[action.person] ?? '');
      if (found !== undefined) weigh(world, found, action.edit);
      return undefined;
    }
    case 'deliver':
      settings.pushOrder = action.order;
      // Its tries go on as the schedule lets the broker answer.
      void world.simulator.deliverPushes();
      return undefined;
    case 'pushes':
      Object.assign(settings, { pushCopies: action.copies });
      return undefined;
    case 'tick':
      return world.invoke('tick', (deps) => tick(deps));
    case 'connect':
      return connect(world, action);
    case 'disconnect':
      return world.invoke(`disconnect ${userOf(action)}`, (deps) =>
        disconnect(deps, { appId: appOf(action), userId: userOf(action), by: BY }),
      );
    case 'erase':
      return world.invoke(`erase ${userOf(action)}`, (deps) =>
        eraseUser(deps, BY, { appId: appOf(action), userId: userOf(action) }),
      );
    case 'rotate':
      return world.rotate();
    case 'advance':
      return world.advance(action.seconds * 1_000);
    case 'withings':
      faults.add({ ...action.fault, times: action.times });
      return undefined;
    case 'd1':
      world.d1Faults.push(...Array<typeof action.fault>(action.times).fill(action.fault));
      return undefined;
    case 'kill':
      return world.turns.kill(action.victim % Math.max(1, world.turns.waiting().length));
  }
};

/** The faults are over: the cron does what falls due, and Withings repeats what was not delivered. */
const comeToRest = async (world: World, untilMs: number): Promise<void> => {
  const nextDue = world.database.prepare(NEXT_DUE);
  const left = world.database.prepare(IS_LEFT);
  for (let ticks = 0; ticks < MOST_TICKS && world.now() < untilMs; ticks += 1) {
    const pending = world.simulator.state.notifications.pushes.pending().map(({ dueAtMs }) => dueAtMs);
    if (pending.length === 0 && left.get(untilMs)?.['isLeft'] === 0) return;
    const next = Math.min(Number(nextDue.get()?.['at'] ?? untilMs), ...pending, untilMs);
    world.advance(Math.max(MINUTE_MS, next - world.now()));
    await deliverAndTick(world);
  }
};

const deliverAndTick = async (world: World): Promise<void> => {
  void world.simulator.deliverPushes();
  world.invoke('tick', (deps) => tick(deps));
  await world.settle();
};

/** Runs a schedule, lets everything come to rest, and says what went wrong. */
export const notificationViolationsOf = async (drawn: NotificationSchedule): Promise<string[]> => {
  const world = await createPreparedWorld(drawn);
  const left = [...drawn.actions];
  for (let step = 0; left.length > 0 || world.turns.waiting().length > 0; step += 1) {
    const waiting = world.turns.waiting().length;
    const pick = (drawn.picks[step] ?? 0) % (waiting + (left.length > 0 ? 1 : 0));
    const next = pick === waiting ? left.shift() : undefined;
    if (next === undefined) await world.turns.release(pick);
    else begin(world, next);
  }
  world.simulator.state.faults.clear();
  world.d1Faults.length = 0;
  Object.assign(world.simulator.state.settings, { pushCopies: 1 });
  await comeToRest(world, world.now() + REST_MS);
  return [
    ...unread(world),
    ...(await outliving(world)),
    ...world.observer.violations,
    ...world.turns.errors.map(String),
  ];
};

const activeConnections = ({ database }: World) =>
  database
    .prepare(`SELECT id, app_id, user_id, withings_user_id AS userid FROM connections WHERE state = 'active'`)
    .all();

const groupsOf = ({ simulator: { state } }: World, userid: number) =>
  state.notifications.subscriptions.to(userid, 1).length === 0 ? [] : (state.people.find(userid)?.groups.all() ?? []);

/** Groups of a person who is connected and notified of that the broker does not have, or has in an older form. */
const unread = (world: World): string[] => {
  const stored = world.database.prepare(
    'SELECT modified_seconds AS modified FROM groups WHERE connection_id = ? AND group_id = ?',
  );
  return activeConnections(world).flatMap(({ id, userid, app_id: appId }) =>
    groupsOf(world, Number(userid))
      .filter(({ grpid, modified }) => stored.get(Number(id), grpid)?.['modified'] !== modified)
      .map(({ grpid }) => `${String(appId)} never got group ${grpid} of ${String(userid)}`),
  );
};

/** Subscriptions to people without a connection that live on: what cannot be revoked has to be refused, so that Withings cancels it. */
const outliving = async (world: World): Promise<string[]> => {
  const { people, notifications, weighIns } = world.simulator.state;
  const connected = new Set(activeConnections(world).map(({ userid }) => Number(userid)));
  const isAlone = ({ userid }: { userid: number }) => !connected.has(userid);
  // On the days in between all pushes fail alike, so only the first and the last are simulated.
  for (const daysLater of [0, CANCELLED_AFTER_DAYS]) {
    if (!notifications.subscriptions.all().some(isAlone)) break;
    world.advance(daysLater * DAY_MS);
    for (const person of people.list().filter(isAlone))
      weighIns.addGroup(person, groupOfEachKind(world.simulator.state.clock.seconds()));
    await deliverAndTick(world);
  }
  const left = notifications.subscriptions.all().filter(isAlone);
  return left.map(({ userid, appli }) => `the subscription of ${userid} to ${appli} has outlived the person`);
};

import { storeGrant } from '../../src/broker/link/store-grant.ts';
import { takePush } from '../../src/broker/notify/take-push.ts';
import { disconnect } from '../../src/broker/users/connection-state.ts';
import { eraseUser } from '../../src/broker/users/erase-user.ts';
import { tick } from '../../src/cron.ts';
import { notifySecret } from '../../src/crypto/notify-secret.ts';
import { asAppId, type AppId } from '../../src/domain/app-id.ts';
import { type Actor, USER } from '../../src/domain/audit.ts';
import { secret } from '../../src/domain/secret.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { asUserId, type UserId } from '../../src/domain/user-id.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import { currentConnection } from '../../src/store/link/connections.ts';
import { CALLBACK_URL, CLIENT_ID, PUBLIC_URL, START } from './names.ts';
import { type Action, APPS, type NotificationSchedule, PEOPLE, type Slot } from './notification-schedule.ts';
import { groupOfEachKind } from './of-each-kind.ts';
import { IS_LEFT, NEXT_DUE } from './what-is-due.ts';
import { createWorld, type World } from './world.ts';

const APPLIS = [1, 2, 4];
/** Withings gives a callback up after this time without a delivery. */
const CANCELLED_AFTER_DAYS = 22;
/** Longer than Withings repeats a push that was not delivered, and shorter than until a review reads everything again. */
const REST_MS = 7 * HOUR_MS;
const MOST_TICKS = 400;
const ANSWER_MS = 3_000;
const BY: Actor = { id: USER, tokenId: undefined, surface: 'api' };

const userOf = ({ person: index }: Slot): UserId => asUserId(PEOPLE[index] ?? '');
const appOf = ({ app: index }: Slot): AppId => asAppId(APPS[index] ?? '');

/** Pushes under way, and since when. */
type Unanswered = { at: number; giveUp: () => void }[];

/** A world whose Withings reaches the broker: each push is an invocation of its own. */
const createNotifiedWorld = ({ revokeEnds, doubles }: NotificationSchedule) => {
  let unanswered: Unanswered = [];
  const world: World = createWorld(PEOPLE, {
    apps: APPS,
    notifyApplis: APPLIS,
    settings: {
      revokeEndsSubscriptions: revokeEnds,
      doubleSubscriptions: doubles,
      emptyPostAtSubscribe: false,
    },
    outgoing: async (url, { method, body }) => {
      if (method === 'HEAD') return new Response();
      const answer = Promise.withResolvers<Response>();
      unanswered.push({ at: world.now(), giveUp: () => answer.reject(new Error('no answer in time')) });
      const form = body instanceof URLSearchParams ? body : new URLSearchParams();
      world.invoke('push', async (deps) => {
        const taken = await takePush(deps, { secret: new URL(url).pathname.split('/').at(-1) ?? '', form });
        answer.resolve(new Response(null, { status: taken.ok ? 200 : 503 }));
      });
      return answer.promise;
    },
  });
  /** Withings waits some seconds for an answer. One of an invocation that was stopped never comes. */
  const expire = () => {
    const isLate = ({ at }: { at: number }) => world.now() - at >= ANSWER_MS;
    const late = unanswered.filter(isLate);
    unanswered = unanswered.filter((one) => !isLate(one));
    for (const { giveUp } of late) giveUp();
  };
  const advance = (ms: number) => {
    world.advance(ms);
    expire();
  };
  return { ...world, advance };
};

/** A weigh-in, or a correction of the newest. */
const weigh = ({ simulator }: World, person: Person, edit: boolean): void => {
  const { weighIns } = simulator.state;
  const newest = person.groups.all().at(-1);
  const weightKg = 60 + person.groups.all().length + (edit ? 0.5 : 0);
  if (edit && newest !== undefined) weighIns.edit(person, newest.grpid, { weightKg });
  else weighIns.add(person, { weightKg, weightOnly: true });
};

/** What the callback does once it has claimed its state: the user of an app links the account of `as`. */
const connect = (world: World, { as, ...slot }: Slot & { as: number }): void => {
  const { people, codes } = world.simulator.state;
  const pair = { appId: appOf(slot), userId: userOf(slot) };
  const userid = people.find(PEOPLE[as] ?? '')?.userid ?? 0;
  world.invoke(`connect ${pair.userId}`, async (deps) => {
    const granted = await deps.withings.reserve({ share: 'link' }, 1);
    if (!granted.ok) return;
    const current = await currentConnection(deps.db, pair);
    const fields = { clientId: CLIENT_ID, userid, scopes: ['user.metrics'], redirectUri: CALLBACK_URL };
    const code = secret(codes.issue(fields));
    const grant = await deps.withings.exchangeCode(granted.value, { code, redirectUri: CALLBACK_URL });
    if (!grant.ok) return;
    // The app's backend has vouched for the user, so another account may take the place of the first.
    const link = { ...pair, policy: 'session', kind: 'session', historyOnConnect: 'all', sameBrowser: true } as const;
    const claim = { id: `${pair.appId} ${pair.userId} ${as} ${world.now()}`, expiresAt: START + 1e12 };
    const kept = { ...link, isDemo: false, grant: grant.value, scope: ['user.metrics'], claim };
    await storeGrant(deps, kept, current.ok ? current.value : undefined);
  });
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

/** Ada is connected to both apps, Ben to one, and Withings notifies of both under the first key. */
const prepare = async (world: World): Promise<void> => {
  for (const [app, person] of [
    [0, 0],
    [1, 0],
    [0, 1],
  ] as const) {
    connect(world, { app, person, as: person });
    await world.settle();
  }
  world.invoke('subscribe', async ({ keyring }) => {
    for (const { userid } of world.simulator.state.people.list().filter(({ id }) => PEOPLE.includes(id))) {
      const callbackUrl = `${PUBLIC_URL}/withings/notify/${await notifySecret(keyring, keyring.currentKeyId, String(userid))}`;
      for (const appli of APPLIS) {
        world.simulator.state.notifications.subscriptions.add({
          clientId: CLIENT_ID,
          userid,
          appli,
          callbackUrl,
          comment: null,
        });
      }
    }
  });
  await world.settle();
};

/** Runs a schedule, lets everything come to rest, and says what went wrong. */
export const notificationViolationsOf = async (drawn: NotificationSchedule): Promise<string[]> => {
  const world = createNotifiedWorld(drawn);
  await prepare(world);
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

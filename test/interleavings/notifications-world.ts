import { takePush } from '../../src/broker/notify/take-push.ts';
import { notifySecret } from '../../src/crypto/notify-secret.ts';
import { asAppId, type AppId } from '../../src/domain/app-id.ts';
import { asUserId, type UserId } from '../../src/domain/user-id.ts';
import { linkAccount } from './link-account.ts';
import { CLIENT_ID, PUBLIC_URL } from './names.ts';
import { APPS, type NotificationSchedule, PEOPLE, type Slot } from './notification-schedule.ts';
import { createWorld, type SavedWorld, type World } from './world.ts';

/** Two people, two apps, and a Withings that reaches the broker. */

const APPLIS = [1, 2, 4];
const ANSWER_MS = 3_000;

export const userOf = ({ person: index }: Slot): UserId => asUserId(PEOPLE[index] ?? '');
export const appOf = ({ app: index }: Slot): AppId => asAppId(APPS[index] ?? '');

/** Pushes under way, and since when. */
type Unanswered = { at: number; giveUp: () => void }[];

/** A world whose Withings reaches the broker: each push is an invocation of its own. */
const createNotifiedWorld = (
  { revokeEnds, doubles }: Pick<NotificationSchedule, 'revokeEnds' | 'doubles'>,
  saved?: SavedWorld,
) => {
  let unanswered: Unanswered = [];
  const world: World = createWorld(PEOPLE, {
    apps: APPS,
    notifyApplis: APPLIS,
    ...(saved && { saved }),
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

/** The user of an app links the account of `as`. The app's backend has vouched for the user, so it may be another than before. */
export const connect = (world: World, { as, ...slot }: Slot & { as: number }): void => {
  const pair = { appId: appOf(slot), userId: userOf(slot) };
  const claimId = `${pair.appId} ${pair.userId} ${as} ${world.now()}`;
  world.invoke(`connect ${pair.userId}`, (deps) =>
    linkAccount(world, deps, { ...pair, person: PEOPLE[as] ?? '', policy: 'session', claimId }),
  );
};

/** Ada is connected to both apps, Ben to one, and Withings notifies of both under the first key. */
const prepare = async (): Promise<SavedWorld> => {
  const world = createNotifiedWorld({ revokeEnds: false, doubles: 'kept' });
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
  return world.save();
};

let prepared: SavedWorld | undefined;
/** The world that each schedule begins in. */
export const createPreparedWorld = async (drawn: NotificationSchedule): Promise<World> => {
  prepared ??= await prepare();
  return createNotifiedWorld(drawn, prepared);
};

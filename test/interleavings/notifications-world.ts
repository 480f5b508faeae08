import { storeGrant } from '../../src/broker/link/store-grant.ts';
import { takePush } from '../../src/broker/notify/take-push.ts';
import { notifySecret } from '../../src/crypto/notify-secret.ts';
import { asAppId, type AppId } from '../../src/domain/app-id.ts';
import { secret } from '../../src/domain/secret.ts';
import { asUserId, type UserId } from '../../src/domain/user-id.ts';
import { currentConnection } from '../../src/store/link/connections.ts';
import { CALLBACK_URL, CLIENT_ID, PUBLIC_URL, START } from './names.ts';
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

/** What the callback does once it has claimed its state: the user of an app links the account of `as`. */
export const connect = (world: World, { as, ...slot }: Slot & { as: number }): void => {
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

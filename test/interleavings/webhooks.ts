import * as fc from 'fast-check';

import type { Deps } from '../../src/broker/deps.ts';
import { sendDue, sendRecorded } from '../../src/broker/webhooks/deliver.ts';
import { createWebhook, deleteWebhook } from '../../src/broker/webhooks/manage-webhooks.ts';
import { newEvent } from '../../src/broker/webhooks/record.ts';
import type { App } from '../../src/domain/app.ts';
import { type Actor, OPERATOR } from '../../src/domain/audit.ts';
import { asConnectionId } from '../../src/domain/connection-id.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import { tryD1 } from '../../src/store/d1.ts';
import { addEvent, erasedEventStatement, rememberEventsToSend } from '../../src/store/webhooks/events.ts';
import { APP_ID, createWebhookWorld, HOOKS, type Mode, START, USERS, type WebhookWorld } from './webhooks-world.ts';

/** Webhooks under random schedules: receivers that fail or do not answer, invocations that die, a D1 that refuses, people who are erased. */

const MINUTE_MS = 60_000;
/** What a run has read may still be sent for so long. */
const IN_FLIGHT_MS = 20_000;
/** Of the cron's tick, beside what else it does. */
const TICK_CALLS = 40;

export type WebhookAction =
  | { do: 'record'; user: number }
  | { do: 'erase'; user: number }
  | { do: 'tick' }
  | { do: 'receiver'; hook: number; mode: Mode }
  | { do: 'advance'; seconds: number }
  | { do: 'd1'; fault: 'refused' | 'answer_lost'; times: number }
  | { do: 'kill'; victim: number }
  | { do: 'delete'; hook: number };

export type WebhookSchedule = { actions: WebhookAction[]; picks: number[] };

const user = fc.nat({ max: USERS.length - 1 });
const action: fc.Arbitrary<WebhookAction> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('record' as const), user }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), user }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('tick' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('receiver' as const),
      hook: fc.nat({ max: HOOKS.length - 1 }),
      mode: fc.constantFrom<Mode>('ok', 'refuses', 'refuses_once', 'refuses_ada', 'silent', 'slow', 'gone'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('advance' as const), seconds: fc.constantFrom(3, 20, 46, 61, 301, 3_600) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('d1' as const),
      fault: fc.constantFrom('refused' as const, 'answer_lost' as const),
      times: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('kill' as const), victim: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), hook: fc.nat({ max: HOOKS.length - 1 }) }) },
);

export const webhookSchedule: fc.Arbitrary<WebhookSchedule> = fc.record({
  actions: fc.array(action, { minLength: 1, maxLength: 20 }),
  picks: fc.array(fc.nat({ max: 5 }), { maxLength: 100 }),
});

const connectionId = (index: number) => asConnectionId(100 + index);

const app: App = {
  id: APP_ID,
  name: APP_ID,
  accountId: undefined,
  linkPolicy: 'open',
  allowLoopback: false,
  refuseBrowserKeys: false,
  historyOnConnect: 'all',
  demoAccount: false,
  sharedAccounts: 'allow',
  disabledAt: undefined,
  createdAt: START,
};
const by: Actor = { id: OPERATOR, tokenId: undefined, surface: 'api' };

/** An app with two endpoints and two connected users. */
export const startWebhooks = async (): Promise<{ world: WebhookWorld; gone: Gone }> => {
  const world = createWebhookWorld();
  const insert = world.database.prepare(
    `INSERT INTO connections (id, app_id, user_id, withings_user_id, is_current, state, state_since, scope, created_at, token_version, access_expires_at, refreshed_at)
     VALUES (?, ?, ?, ?, 1, 'active', 0, '', 0, 1, 0, 0)`,
  );
  world.database.prepare('INSERT INTO apps (id, name, created_at) VALUES (?, ?, 0)').run(APP_ID, APP_ID);
  for (const [index, name] of USERS.entries()) insert.run(connectionId(index), APP_ID, name, name);
  for (const url of HOOKS) {
    const options = { url, eventTypes: undefined, payload: 'full', description: '' } as const;
    world.invoke('add', async (deps) => createWebhook(deps, { app, by }, options, []));
  }
  await world.settle();
  return { world, gone: { users: new Map(), hooks: new Map() } };
};

/** When users were erased and endpoints removed. */
type Gone = { users: Map<string, number>; hooks: Map<string, number> };

/** Begins an action; what it does waits for its turns. */
export const begin = (world: WebhookWorld, gone: Gone, next: WebhookAction): void => {
  switch (next.do) {
    case 'record':
      return world.invoke('record', async (deps) => {
        const about = { appId: APP_ID, type: 'connection.restored', connectionId: connectionId(next.user) } as const;
        await addEvent(deps.db, newEvent(deps, about));
        await sendRecorded(deps);
      });
    case 'erase':
      return world.invoke('erase', (deps) => eraseUser(world, deps, gone.users, next.user));
    case 'tick':
      return world.invoke('tick', (deps) => sendDue(deps, TICK_CALLS));
    case 'receiver':
      world.modes.set(HOOKS[next.hook] ?? '', next.mode);
      return undefined;
    case 'advance':
      return world.advance(next.seconds * 1_000);
    case 'd1':
      world.d1Faults.push(...Array<typeof next.fault>(next.times).fill(next.fault));
      return undefined;
    case 'delete':
      return world.invoke('delete', (deps) => deleteHook(world, deps, gone.hooks, HOOKS[next.hook] ?? ''));
    case 'kill':
      return world.turns.kill(next.victim % Math.max(1, world.turns.waiting().length));
  }
};

const endpointAt = ({ database }: WebhookWorld, url: string) =>
  database.prepare('SELECT id, disabled_at FROM webhook_endpoints WHERE url = ?').get(url);

const deleteHook = async (world: WebhookWorld, deps: Deps, removed: Map<string, number>, url: string) => {
  const endpoint = endpointAt(world, url);
  if (endpoint === undefined) return;
  await deleteWebhook(deps, { app, by }, String(endpoint['id']));
  if (endpointAt(world, url) === undefined && !removed.has(url)) removed.set(url, world.now());
};

const eraseUser = async (
  world: WebhookWorld,
  deps: Deps,
  erased: Map<string, number>,
  index: number,
): Promise<void> => {
  const userId = asUserId(USERS[index] ?? '');
  await tryD1(deps.db, async () => {
    const event = { ...newEvent(deps, { appId: APP_ID, type: 'user.erased' }), userId };
    const results = await deps.db.d1.batch([
      deps.db.d1.prepare('DELETE FROM connections WHERE id = ?').bind(connectionId(index)),
      erasedEventStatement(deps.db, event),
    ]);
    rememberEventsToSend(deps.db, results);
  });
  const gone = world.database.prepare('SELECT 1 FROM connections WHERE id = ?').get(connectionId(index)) === undefined;
  if (gone && !erased.has(userId)) erased.set(userId, world.now());
  await sendRecorded(deps);
};

/** The faults are over and every receiver takes what comes: the cron goes on until nothing waits. */
const comeToRest = async (world: WebhookWorld): Promise<void> => {
  world.d1Faults.length = 0;
  world.modes.clear();
  await world.settle();
  const left = world.database.prepare(
    `SELECT (SELECT count(*) FROM webhook_retries AS r JOIN webhook_endpoints AS e ON e.id = r.endpoint_id
       WHERE e.disabled_at IS NULL) + (SELECT count(*) FROM webhook_endpoints
       WHERE disabled_at IS NULL AND (due_at IS NOT NULL OR delivered_seq < (SELECT coalesce(max(seq), 0) FROM events))) AS n`,
  );
  for (let ticks = 0; ticks < 60 && left.get()?.['n'] !== 0; ticks += 1) {
    world.advance(ticks < 10 ? MINUTE_MS : 60 * MINUTE_MS);
    world.invoke('tick', (deps) => sendDue(deps, TICK_CALLS));
    await world.settle();
  }
};

/** Runs a schedule, lets everything come to rest, and says what went wrong. */
export const webhookViolationsOf = async ({ actions, picks }: WebhookSchedule): Promise<string[]> => {
  const { world, gone } = await startWebhooks();
  const left = [...actions];
  for (let step = 0; left.length > 0 || world.turns.waiting().length > 0; step += 1) {
    const waiting = world.turns.waiting().length;
    const pick = (picks[step] ?? 0) % (waiting + (left.length > 0 ? 1 : 0));
    const next = pick === waiting ? left.shift() : undefined;
    if (next === undefined) await world.turns.release(pick);
    else begin(world, gone, next);
  }
  return violationsAtRest(world, gone);
};

/** Lets everything come to rest, and says what went wrong. */
export const violationsAtRest = async (world: WebhookWorld, gone: Gone): Promise<string[]> => {
  await comeToRest(world);
  return [
    ...undelivered(world),
    ...HOOKS.flatMap((hook) => outOfOrder(world, hook)),
    ...late(world, gone),
    ...world.turns.errors.map(String),
  ];
};

const undelivered = (world: WebhookWorld): string[] => {
  const { database, taken } = world;
  const events = database
    .prepare(
      `SELECT v.seq, v.type FROM events AS v LEFT JOIN connections AS c ON c.id = v.connection_id
       WHERE coalesce(v.user_id, c.user_id) IS NOT NULL`,
    )
    .all();
  const live = HOOKS.filter((hook) => endpointAt(world, hook)?.['disabled_at'] === null);
  return live.flatMap((hook) =>
    events
      .filter(({ seq }) => !taken.some((one) => one.hook === hook && one.seq === seq))
      .map(({ seq, type }) => `${hook} never got event ${String(seq)} (${String(type)})`),
  );
};

/** The first time that each event of a user was taken. */
const outOfOrder = ({ taken }: WebhookWorld, hook: string): string[] =>
  USERS.flatMap((name) => {
    const first = [...new Set(taken.filter((one) => one.hook === hook && one.user === name).map(({ seq }) => seq))];
    return first.every((seq, index) => index === 0 || seq > (first[index - 1] ?? 0))
      ? []
      : [`${hook} got the events of ${name} in the order ${first.join(', ')}`];
  });

const late = ({ taken }: WebhookWorld, { users, hooks }: Gone): string[] =>
  taken.flatMap(({ seq, hook, user: name, type, at }) => [
    ...(type !== 'user.erased' && at > (users.get(name) ?? Infinity) + IN_FLIGHT_MS
      ? [`event ${seq} of ${name} was sent after the erasure`]
      : []),
    ...(at > (hooks.get(hook) ?? Infinity) + IN_FLIGHT_MS
      ? [`event ${seq} was sent to ${hook}, which was removed`]
      : []),
  ]);

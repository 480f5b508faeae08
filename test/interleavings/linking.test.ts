import { describe, expect, test } from 'vitest';

import type { Deps } from '../../src/broker/deps.ts';
import { confirmLink } from '../../src/broker/link/confirm-link.ts';
import { storeGrant } from '../../src/broker/link/store-grant.ts';
import { disconnect } from '../../src/broker/users/connection-state.ts';
import type { LinkPolicy } from '../../src/domain/app.ts';
import { secret } from '../../src/domain/secret.ts';
import { asUserId } from '../../src/domain/user-id.ts';
import { currentConnection } from '../../src/store/link/connections.ts';
import { APP_ID, createWorld, START, type World } from './world.ts';

/** Two links, confirmations or disconnects at the same instant, in every order in which their round trips can follow each other. */

const ACCOUNT = '1000';

/** Runs `run` once for each sequence of choices that there is. */
const inEveryOrder = async (run: (choose: (choices: number) => number) => Promise<void>): Promise<number> => {
  const picks: number[] = [];
  for (let runs = 1; ; runs += 1) {
    const choices: number[] = [];
    await run((among) => {
      choices.push(among);
      return (picks[choices.length - 1] ??= 0);
    });
    while (picks.length > 0 && (picks.at(-1) ?? 0) + 1 >= (choices[picks.length - 1] ?? 0)) picks.pop();
    const last = picks.pop();
    if (last === undefined) return runs;
    picks.push(last + 1);
  }
};

/** What a callback does once Withings has given tokens for a user's consent. How it ended. */
const link = async (deps: Deps, userId: string, policy: LinkPolicy = 'open', withingsUserId = ACCOUNT) => {
  const grant = {
    withingsUserId,
    accessToken: secret(`access of ${userId} ${withingsUserId}`),
    refreshToken: secret(`refresh of ${userId} ${withingsUserId}`),
    expiresInSeconds: 10_800,
  };
  const claim = { id: `claim of ${userId} ${withingsUserId}`, expiresAt: START + 1e12 };
  const user = { appId: APP_ID, userId: asUserId(userId) };
  const current = await currentConnection(deps.db, user);
  const kept = await storeGrant(
    deps,
    {
      ...user,
      policy,
      kind: 'open',
      historyOnConnect: 'none',
      sameBrowser: true,
      isDemo: false,
      grant,
      scope: ['user.metrics'],
      claim,
    },
    current.ok ? current.value : undefined,
  );
  return kept.ok ? kept.value : { ending: kept.failure.kind };
};
const confirm = async (deps: Deps, userId: string, ticket: string): Promise<string> => {
  const confirmed = await confirmLink(deps, APP_ID, { ticket, userId: asUserId(userId) });
  return confirmed.ok ? 'connected' : confirmed.failure.kind;
};

/** An app that reads nothing when a user connects: each trip more multiplies the orders. */
const createLinkingWorld = (): World => {
  const world = createWorld(['nora']);
  world.database.prepare(`UPDATE apps SET history_on_connect = 'none'`).run();
  return world;
};

/** An app that refuses to have one Withings account under two users. */
const createRefusingWorld = (): World => {
  const world = createLinkingWorld();
  world.database.prepare(`UPDATE apps SET shared_accounts = 'refuse'`).run();
  return world;
};
const pending = async (world: World, userId: string): Promise<string> => {
  let ticket = '';
  world.invoke('pending', async (deps) => {
    const held = await link(deps, userId, 'confirm');
    ticket = 'ticket' in held ? (held.ticket?.reveal() ?? '') : '';
  });
  await world.settle();
  expect(ticket).not.toBe('');
  return ticket;
};
const live = (world: World): unknown[] =>
  world.database
    .prepare(`SELECT user_id FROM connections WHERE state <> 'disconnected' OR access_token_sealed IS NOT NULL`)
    .all()
    .map(({ user_id: userId }) => userId);

type Contender = (world: World) => Promise<(deps: Deps) => Promise<string>>;
const callbackOf =
  (userId: string): Contender =>
  async () =>
  async (deps) =>
    (await link(deps, userId)).ending;
const confirmationOf =
  (userId: string): Contender =>
  async (world) => {
    const ticket = await pending(world, userId);
    return (deps) => confirm(deps, userId, ticket);
  };

describe('one Withings account and two users of an app that refuses that', () => {
  test.each([
    ['two callbacks', callbackOf('ada'), callbackOf('eve')],
    ['a callback and a confirmation', callbackOf('ada'), confirmationOf('eve')],
    ['two confirmations', confirmationOf('ada'), confirmationOf('eve')],
  ])('%s at the same instant: one gets in, and the other is told that it is in use', async (_, first, second) => {
    const runs = await inEveryOrder(async (choose) => {
      const world = createRefusingWorld();
      const endings: Record<string, string> = {};
      const contenders = { ada: await first(world), eve: await second(world) };
      for (const [userId, run] of Object.entries(contenders)) {
        world.invoke(userId, async (deps) => {
          endings[userId] = await run(deps);
        });
      }
      while (world.turns.waiting().length > 0) {
        await world.turns.release(choose(world.turns.waiting().length));
        expect(live(world).length).toBeLessThanOrEqual(1);
      }
      expect(world.turns.errors).toEqual([]);
      const [winner] = live(world);
      expect(endings[String(winner)]).toBe('connected');
      expect(endings[winner === 'ada' ? 'eve' : 'ada']).toBe('account_in_use');
    });
    expect(runs).toBeGreaterThan(5);
  });
});

test('two Withings accounts for one user at the same instant, by open links: one gets in and stays, and the other is told', async () => {
  const accounts = ['1000', '2000'];
  const runs = await inEveryOrder(async (choose) => {
    const world = createLinkingWorld();
    const endings: Record<string, string> = {};
    let winner: unknown;
    for (const account of accounts) {
      world.invoke(account, async (deps) => {
        endings[account] = (await link(deps, 'ada', 'open', account)).ending;
      });
    }
    while (world.turns.waiting().length > 0) {
      await world.turns.release(choose(world.turns.waiting().length));
      const live = world.database
        .prepare(
          `SELECT withings_user_id AS account FROM connections WHERE user_id = 'ada' AND state <> 'disconnected'`,
        )
        .all();
      expect(live.length).toBeLessThanOrEqual(1);
      // A live connection is not replaced.
      if (winner !== undefined) expect(live[0]?.['account']).toBe(winner);
      winner ??= live[0]?.['account'];
    }
    expect(world.turns.errors).toEqual([]);
    expect(endings).toEqual({
      [String(winner)]: 'connected',
      [accounts.find((one) => one !== winner) ?? '']: 'already_connected',
    });
  });
  expect(runs).toBeGreaterThan(5);
});

describe('a ticket', () => {
  test('that is shown twice at the same instant is good once', async () => {
    await inEveryOrder(async (choose) => {
      const world = createRefusingWorld();
      const ticket = await pending(world, 'ada');
      const endings: string[] = [];
      for (const name of ['once', 'twice']) {
        world.invoke(name, async (deps) => void endings.push(await confirm(deps, 'ada', ticket)));
      }
      while (world.turns.waiting().length > 0) await world.turns.release(choose(world.turns.waiting().length));
      expect([...endings].sort()).toEqual(['connected', 'not_found']);
      expect(live(world)).toEqual(['ada']);
    });
  });

  test('that is shown while its user is disconnected connects nobody for longer than that', async () => {
    await inEveryOrder(async (choose) => {
      const world = createRefusingWorld();
      const ticket = await pending(world, 'ada');
      const by = { id: 'key', tokenId: undefined, surface: 'api' as const };
      world.invoke('confirm', (deps) => confirm(deps, 'ada', ticket));
      world.invoke('disconnect', (deps) => disconnect(deps, { appId: APP_ID, userId: asUserId('ada'), by }));
      while (world.turns.waiting().length > 0) await world.turns.release(choose(world.turns.waiting().length));
      expect(world.turns.errors).toEqual([]);
      expect(live(world)).toEqual([]);
    });
  });
});

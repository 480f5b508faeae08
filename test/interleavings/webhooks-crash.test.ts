import { describe, expect, test } from 'vitest';

import { computeInline } from '../support/inline-subtle.ts';
import type { WebhookWorld } from './webhooks-world.ts';
import { begin, startWebhooks, violationsAtRest, type WebhookAction } from './webhooks.ts';

computeInline();

/**
 * The delivery of webhooks stopped at each of its effects: a D1 round trip, a request, the receiver's answer. The effects are not listed here but
 * counted on an undisturbed run, so that a step added later is stopped at too.
 */

/** Longer than the pause after two refusals, and than the lease of a run that was stopped. */
const LATER: WebhookAction = { do: 'advance', seconds: 400 };
const BOTH = [0, 1];
const recorded: WebhookAction[] = [
  { do: 'record', user: 0 },
  { do: 'record', user: 1 },
  { do: 'record', user: 0 },
];
const refused = [
  ...BOTH.map((hook): WebhookAction => ({ do: 'receiver', hook, mode: 'refuses' })),
  ...recorded,
  ...BOTH.map((hook): WebhookAction => ({ do: 'receiver', hook, mode: 'ok' })),
];
/** The other's arrives, so the endpoint is up, and this one's waits for half an hour. */
const refusedOfOne = [
  ...BOTH.map((hook): WebhookAction => ({ do: 'receiver', hook, mode: 'refuses_ada' })),
  ...recorded,
  LATER,
  { do: 'tick' } as const,
  ...BOTH.map((hook): WebhookAction => ({ do: 'receiver', hook, mode: 'ok' })),
];
/** What was done before, how long ago, and what is stopped. */
const PATHS: { name: string; before: WebhookAction[]; act: WebhookAction }[] = [
  { name: 'an event that is sent at once', before: [], act: { do: 'record', user: 0 } },
  { name: 'an event behind those of others', before: recorded, act: { do: 'record', user: 1 } },
  { name: 'a tick that sends what was refused', before: refused, act: { do: 'tick' } },
  { name: 'an event behind one that was refused', before: refused, act: { do: 'record', user: 0 } },
  { name: 'an event of a person whose others were refused', before: refusedOfOne, act: { do: 'record', user: 0 } },
  { name: 'an erasure behind events that were refused', before: refused, act: { do: 'erase', user: 0 } },
  {
    name: 'a tick over an erased person’s events',
    before: [...refused, { do: 'erase', user: 0 }],
    act: { do: 'tick' },
  },
];
const begun = async ({ before, act }: (typeof PATHS)[number]) => {
  const { world, gone } = await startWebhooks();
  for (const action of before) {
    begin(world, gone, action);
    await world.settle();
  }
  begin(world, gone, LATER);
  const perform = (action: WebhookAction) => begin(world, gone, action);
  perform(act);
  return { world, perform, violations: () => violationsAtRest(world, gone) };
};

/** Lets it go on for so many effects; how many it made. */
const goOn = async (world: WebhookWorld, most = Infinity): Promise<number> => {
  let made = 0;
  for (; made < most && world.turns.waiting().length > 0; made += 1) await world.turns.release(0);
  return made;
};

/** How many effects it makes if nothing happens to it, each of which is waited for. */
const effectsOf = async (path: (typeof PATHS)[number]): Promise<number> => {
  const { world, violations } = await begun(path);
  const effects = await goOn(world);
  expect(effects).toBeGreaterThanOrEqual(3);
  expect(await violations()).toEqual([]);
  return effects;
};

describe.each(PATHS)('$name', (path) => {
  test('that is stopped before or after any one of its effects loses no event and no order', async () => {
    const effects = await effectsOf(path);
    for (let last = 0; last < effects; last += 1) {
      const { world, perform, violations } = await begun(path);
      await goOn(world, last);
      while (world.turns.waiting().length > 0) world.turns.kill(0);
      // At once, and when the lease has run out.
      perform({ do: 'record', user: 1 });
      await world.settle();
      perform(LATER);
      perform({ do: 'record', user: 0 });
      await world.settle();
      expect(await violations(), `stopped after ${last} of ${effects} effects`).toEqual([]);
    }
  });

  test.each(['refused', 'answer_lost'] as const)(
    'any one of whose writes is %s loses no event and no order',
    async (fault) => {
      const effects = await effectsOf(path);
      for (let writes = 0; writes < effects; writes += 1) {
        const { world, violations } = await begun(path);
        world.d1Faults.push(...Array<undefined>(writes).fill(undefined), fault);
        await goOn(world);
        expect(await violations(), `${fault} after ${writes} writes`).toEqual([]);
      }
    },
  );
});

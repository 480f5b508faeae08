import { Hono } from 'hono';

import { takePush } from '../broker/notify/take-push.ts';
import type { HttpEnv } from './context.ts';
import { answerFailure } from './problem.ts';

/**
 * Where Withings pushes that a person's data changed. No answer here is a redirect: Withings counts one as delivered.
 */
export const notify = new Hono<HttpEnv>();

const PATH = '/withings/notify/:secret';

/** Withings checks a callback with `HEAD` when it is subscribed. */
notify.get(PATH, (c) => c.text('Withings posts here.'));

notify.post(PATH, async (c) => {
  const body = new TextDecoder().decode(await c.req.arrayBuffer());
  // Withings may post nothing when it subscribes.
  if (body === '') return c.text('Withings posts here.');
  const taken = await takePush(c.get('deps'), { secret: c.req.param('secret'), form: new URLSearchParams(body) });
  return taken.ok ? c.text('Taken.') : answerFailure(c, taken.failure);
});

import type { Context, Hono } from 'hono';

import type { Subscription } from '../notify/subscriptions.ts';
import type { SimulatorState } from '../state.ts';
import { forgedPushSchema, readBody } from './input.ts';

/** A subscription with the host of its callback only: the rest of the URL is the client's secret. */
const shownSubscription = (state: SimulatorState, { callbackUrl, failing, ...rest }: Subscription) => ({
  id: rest.id,
  client_id: rest.clientId,
  person: state.people.find(rest.userid)?.id ?? null,
  userid: rest.userid,
  appli: rest.appli,
  callback_host: new URL(callbackUrl).host,
  comment: rest.comment,
  failed_pushes: failing?.pushes ?? 0,
});

/** Whether a subscription is one that the query asks for: `?person=` and `?appli=`. */
const isWanted = (state: SimulatorState, c: Context) => {
  const { person, appli } = c.req.query();
  const userid = person === undefined ? undefined : (state.people.find(person)?.userid ?? null);
  return (one: Subscription): boolean =>
    (userid === undefined || one.userid === userid) && (appli === undefined || String(one.appli) === appli);
};

const forge = async (state: SimulatorState, c: Context): Promise<Response> => {
  const body = await readBody(c, forgedPushSchema);
  if (body instanceof Response) return body;
  return c.json({ http_status: await state.notifications.callbacks.push(body.callbackUrl, body.fields) }, 201);
};

/** Adds the routes of notifications to the control API. */
export const handleNotifications = (app: Hono, state: SimulatorState): void => {
  const { subscriptions, pushes } = state.notifications;
  app.get('/subscriptions', (c) =>
    c.json({
      data: subscriptions
        .all()
        .filter(isWanted(state, c))
        .map((one) => shownSubscription(state, one)),
    }),
  );
  app.delete('/subscriptions', (c) => c.json({ lost: subscriptions.lose(isWanted(state, c)) }));
  app.get('/pushes', (c) => {
    const pending = pushes.pending().map(({ fields, dueAtMs, round }) => ({
      fields,
      due: Math.floor(dueAtMs / 1000),
      failed_rounds: round,
    }));
    const sent = pushes.outcomes().map(({ atMs, userid, appli, httpStatus }) => ({
      at_ms: atMs,
      userid,
      appli,
      http_status: httpStatus,
    }));
    return c.json({ pending, sent });
  });
  app.post('/pushes', (c) => forge(state, c));
  app.delete('/pushes', (c) => {
    pushes.drop();
    return c.body(null, 204);
  });
};

/** `/_control`: what a program may see and change of the simulator. JSON in and out, names in snake_case. */
import { Hono, type Context } from 'hono';

import { faultKinds } from '../faults.ts';
import type { Grant } from '../oauth/grants.ts';
import type { SimulatorState } from '../state.ts';
import { clientSchema, clockSchema, faultSchema, readBody, settingsChangesSchema, shown } from './input.ts';
import { handleNotifications } from './notify-routes.ts';
import { handlePeople } from './people-routes.ts';

const index = {
  people: 'GET lists; POST adds {id, userid?, name?, description?, timezone?, height_m?}',
  'people/:person':
    'by id or userid. GET; PATCH {timezone?, allowed_scopes? (null: all), sharing_paused?, older_recordings?, page_size? (null: the setting), endless_more? (same_offset, empty_pages, known_pages; null: none), slow? ({aboveGroups, delayMs}; null: not)}; DELETE',
  'people/:person/withdraw': 'POST {client_id?}: every token of the person dies, as when they unlink the app',
  'people/:person/weigh-ins':
    'GET lists; POST {weight_kg, fat_ratio? (%), fat_mass_kg?, muscle_mass_kg?, hydration_kg?, bone_mass_kg?, heart_pulse_bpm?, date? (Unix s), device? (manual, body, body_plus, body_cardio, body_comp, body_scan), attrib?, weight_only?}',
  'people/:person/weigh-ins/:grpid':
    'any group id of the weigh-in. PATCH {weight_kg?, date?, attrib?}: same ids, later modified; DELETE: gone without a trace',
  'people/:person/heights': 'POST {height_m, date?}',
  'people/:person/groups':
    'GET lists; POST a raw group {measures, date?, attrib?, category?, modelid?, timezone?, distortion? ({without?, instead?}: what is sent), …}',
  'people/:person/groups/:grpid': 'PATCH {measures?, date?, attrib?, category?}; DELETE',
  subscriptions: 'GET lists those to notifications, DELETE loses them without a word; ?person= and ?appli= filter',
  pushes:
    'GET lists what waits and what was sent; POST {callback_url, fields?} forges one; DELETE drops what waits. The settings lose, double, delay and reorder new ones',
  clock: 'GET; POST {now? (Unix s or RFC 3339) or advance_seconds?, frozen?}',
  settings: 'GET; PATCH any of them',
  fault_kinds: faultKinds.join(', '),
  faults:
    'GET lists; POST {kind, action?, grant_type?, person?, times?, delay_ms?, status?, error?, wait_seconds?, takes_effect?}; DELETE clears',
  calls: 'GET lists what was received, ?action= and ?person= filter; DELETE clears',
  stats: 'GET counts: calls, the most in any 60 s, live grants',
  grants: 'GET lists',
  clients: 'GET lists; POST {client_id, client_secret, name?, redirect_uris}',
};

const clockNow = ({ clock }: SimulatorState) => ({
  now: clock.seconds(),
  iso: new Date(clock.now()).toISOString(),
  frozen: clock.frozen(),
});

const moveClock = async (state: SimulatorState, c: Context): Promise<Response> => {
  const body = await readBody(c, clockSchema);
  if (body instanceof Response) return body;
  const { clock } = state;
  if (body.frozen === true) clock.freeze();
  if (body.frozen === false) clock.resume();
  if (body.now !== undefined) clock.set(typeof body.now === 'number' ? body.now * 1000 : Date.parse(body.now));
  if (body.advanceSeconds !== undefined) clock.advance(body.advanceSeconds * 1000);
  return c.json(clockNow(state));
};

const changeSettings = async ({ settings }: SimulatorState, c: Context): Promise<Response> => {
  const body = await readBody(c, settingsChangesSchema);
  if (body instanceof Response) return body;
  Object.assign(settings, body);
  return c.json(shown(settings));
};

const addFault = async (state: SimulatorState, c: Context): Promise<Response> => {
  const body = await readBody(c, faultSchema);
  if (body instanceof Response) return body;
  const person = body.person === undefined ? undefined : state.people.find(body.person);
  if (body.person !== undefined && person === undefined) {
    return c.json({ error: 'person: no person has this id' }, 400);
  }
  return c.json(shown(state.faults.add({ ...body, person: person?.id })), 201);
};

const addClient = async (state: SimulatorState, c: Context): Promise<Response> => {
  const body = await readBody(c, clientSchema);
  if (body instanceof Response) return body;
  state.clients.set(body.clientId, body);
  return c.json({ client_id: body.clientId, name: body.name, redirect_uris: body.redirectUris }, 201);
};

/** A grant without its tokens. */
const shownGrant = (state: SimulatorState, grant: Grant) => ({
  id: grant.id,
  client_id: grant.clientId,
  person: state.people.find(grant.userid)?.id ?? null,
  userid: grant.userid,
  scope: grant.scopes.join(','),
  created: Math.floor(grant.createdAtMs / 1000),
  live: state.grants.live(grant),
  refreshes: grant.pairs.length - 1,
  live_access_tokens: grant.pairs.filter(state.grants.accessLive).length,
  live_refresh_tokens: grant.pairs.filter(state.grants.refreshLive).length,
});

const stats = (state: SimulatorState) => {
  const calls = state.calls.list();
  const byAction = Object.groupBy(calls, ({ action, path }) => action ?? path);
  const byStatus = Object.groupBy(calls, ({ status }) => String(status));
  const counted = (groups: Partial<Record<string, unknown[]>>) =>
    Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, group?.length ?? 0]));
  return {
    calls: state.calls.count(),
    calls_by_action: counted(byAction),
    calls_by_status: counted(byStatus),
    max_calls_in_60_seconds: state.limits.maxCallsPerMinute(),
    live_grants: state.grants.all().filter(state.grants.live).length,
    grants: state.grants.all().length,
  };
};

const callList = (state: SimulatorState, c: Context): Response => {
  const { action, person } = c.req.query();
  const wanted = state.calls
    .list()
    .filter(
      (call) => (action === undefined || call.action === action) && (person === undefined || call.person === person),
    );
  return c.json({ data: wanted.map(shown) });
};

/** The control API over the state; mounted at `/_control`. */
export const controlApp = (state: SimulatorState): Hono => {
  const app = new Hono();
  app.get('/', (c) => c.json({ about: 'A simulated Withings: what it lets a program see and change', ...index }));
  handlePeople(app, state);
  handleNotifications(app, state);
  app.get('/clock', (c) => c.json(clockNow(state)));
  app.post('/clock', (c) => moveClock(state, c));
  app.get('/settings', (c) => c.json(shown(state.settings)));
  app.on(['PATCH', 'POST'], '/settings', (c) => changeSettings(state, c));
  app.get('/faults', (c) => c.json({ data: state.faults.list().map(shown) }));
  app.post('/faults', (c) => addFault(state, c));
  app.delete('/faults', (c) => {
    state.faults.clear();
    return c.body(null, 204);
  });
  app.get('/calls', (c) => callList(state, c));
  app.delete('/calls', (c) => {
    state.calls.clear();
    state.limits.reset();
    return c.body(null, 204);
  });
  app.get('/stats', (c) => c.json(stats(state)));
  app.get('/grants', (c) => c.json({ data: state.grants.all().map((grant) => shownGrant(state, grant)) }));
  app.get('/clients', (c) =>
    c.json({
      data: [...state.clients.values()].map(({ clientId, name, redirectUris }) => ({
        client_id: clientId,
        name,
        redirect_uris: redirectUris,
      })),
    }),
  );
  app.post('/clients', (c) => addClient(state, c));
  app.all('*', (c) => c.json({ error: 'no such control; GET /_control lists them' }, 404));
  return app;
};

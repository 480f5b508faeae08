import type { Context, Hono } from 'hono';

import type { StoredGroup } from '../measures/groups.ts';
import type { Person } from '../people/people.ts';
import type { SimulatorState } from '../state.ts';
import {
  groupChangesSchema,
  groupSchema,
  heightSchema,
  personChangesSchema,
  personSchema,
  readBody,
  weighInChangesSchema,
  weighInSchema,
  withdrawSchema,
} from './input.ts';

const shownPerson = (person: Person) => ({
  id: person.id,
  userid: person.userid,
  name: person.name,
  description: person.description,
  timezone: person.timezone,
  allowed_scopes: person.allowedScopes,
  sharing_paused: person.sharingPaused,
  older_recordings: person.olderRecordings,
  page_size: person.pageSize,
  endless_more: person.endlessMore,
  slow: person.slow,
});

const addPerson = async (state: SimulatorState, c: Context): Promise<Response> => {
  const body = await readBody(c, personSchema);
  if (body instanceof Response) return body;
  const { id, heightM, description, timezone } = body;
  const userid = body.userid ?? state.people.nextUserid();
  const person = state.people.add({ id, userid, name: body.name ?? id, description, timezone });
  if (person === null) return c.json({ error: 'the id or the userid is taken' }, 400);
  if (heightM !== undefined) state.weighIns.addHeight(person, heightM);
  return c.json(shownPerson(person), 201);
};

const changePerson = async (c: Context, person: Person): Promise<Response> => {
  const body = await readBody(c, personChangesSchema);
  if (body instanceof Response) return body;
  Object.assign(person, body);
  return c.json(shownPerson(person));
};

const withdraw = async (state: SimulatorState, c: Context, person: Person): Promise<Response> => {
  const body = await readBody(c, withdrawSchema);
  if (body instanceof Response) return body;
  const withdrawn = state.grants.withdraw(person.userid, body.clientId);
  state.notifications.accountChanged(person.userid, 'unlink', body.clientId);
  return c.json({ withdrawn });
};

/** The groups as weigh-ins: those of one device at one moment. */
const weighInList = (person: Person) => {
  const moments = Map.groupBy(
    person.groups.all().filter(({ category }) => category === 1),
    (group) => `${group.date} ${group.deviceid ?? group.grpid} ${group.attrib === 1}`,
  );
  return [...moments.values()].map((groups) => ({
    date: groups[0]?.date,
    model: groups[0]?.model,
    grpids: groups.map(({ grpid }) => grpid),
  }));
};

const addWeighIn = async (state: SimulatorState, c: Context, person: Person): Promise<Response> => {
  const body = await readBody(c, weighInSchema);
  if (body instanceof Response) return body;
  return c.json({ groups: state.weighIns.add(person, body) }, 201);
};

const editWeighIn = async (state: SimulatorState, c: Context, person: Person): Promise<Response> => {
  const body = await readBody(c, weighInChangesSchema);
  if (body instanceof Response) return body;
  const groups = state.weighIns.edit(person, Number(c.req.param('grpid')), body);
  return groups.length === 0 ? c.json({ error: 'no such weigh-in' }, 404) : c.json({ groups });
};

const addHeight = async (state: SimulatorState, c: Context, person: Person): Promise<Response> => {
  const body = await readBody(c, heightSchema);
  if (body instanceof Response) return body;
  return c.json({ groups: [state.weighIns.addHeight(person, body.heightM, body.date)] }, 201);
};

const addGroup = async (state: SimulatorState, c: Context, person: Person): Promise<Response> => {
  const body = await readBody(c, groupSchema);
  if (body instanceof Response) return body;
  const now = state.clock.seconds();
  const created = body.created ?? now;
  const group = state.weighIns.addGroup(person, {
    grpid: body.grpid,
    attrib: body.attrib,
    date: body.date ?? now,
    created,
    modified: body.modified ?? created,
    category: body.category,
    deviceid: body.deviceid,
    hash_deviceid: body.deviceid,
    measures: withoutAbsent(body.measures),
    modelid: body.modelid,
    model: body.model,
    comment: null,
    ...(body.timezone !== undefined && { timezone: body.timezone }),
    ...(body.distortion !== undefined && { distortion: body.distortion }),
  });
  return c.json({ groups: [group] }, 201);
};

const editGroup = async (state: SimulatorState, c: Context, person: Person): Promise<Response> => {
  const body = await readBody(c, groupChangesSchema);
  if (body instanceof Response) return body;
  const { measures, ...rest } = body;
  const changes = withoutAbsent([rest])[0] ?? {};
  const edited = person.groups.edit(
    Number(c.req.param('grpid')),
    measures === undefined ? changes : { ...changes, measures: withoutAbsent(measures) },
    state.clock.seconds(),
  );
  return edited === undefined ? c.json({ error: 'no such group' }, 404) : c.json({ groups: [edited] });
};

type Present<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** The objects without the properties that are undefined. */
const withoutAbsent = <T extends object>(objects: T[]): Present<T>[] =>
  objects.map(
    (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Present<T>,
  );

type PersonHandler = (c: Context, person: Person) => Response | Promise<Response>;

/** Adds the routes under `/people` to the control API. */
export const handlePeople = (app: Hono, state: SimulatorState): void => {
  const withPerson = (handler: PersonHandler) => (c: Context) => {
    const person = state.people.find(c.req.param('person') ?? '');
    return person === undefined ? c.json({ error: 'no such person' }, 404) : handler(c, person);
  };

  app.get('/people', (c) => c.json({ data: state.people.list().map(shownPerson) }));
  app.post('/people', (c) => addPerson(state, c));
  app.get(
    '/people/:person',
    withPerson((c, person) => c.json(shownPerson(person))),
  );
  app.patch('/people/:person', withPerson(changePerson));
  app.delete(
    '/people/:person',
    withPerson((c, person) => {
      state.grants.withdraw(person.userid);
      state.notifications.accountChanged(person.userid, 'delete');
      state.people.remove(person);
      return c.body(null, 204);
    }),
  );
  app.post(
    '/people/:person/withdraw',
    withPerson((c, person) => withdraw(state, c, person)),
  );
  handleGroups(app, state, withPerson);
};

const deleted = (c: Context, grpids: number[]) =>
  grpids.length === 0 ? c.json({ error: 'no such group' }, 404) : c.json({ deleted: grpids });
const grpidOf = (c: Context): number => Number(c.req.param('grpid'));
const groupList = (person: Person): { data: readonly StoredGroup[] } => ({ data: person.groups.all() });

/** Adds the routes about a person's weigh-ins and groups. */
const handleGroups = (
  app: Hono,
  state: SimulatorState,
  withPerson: (handler: PersonHandler) => (c: Context) => Response | Promise<Response>,
): void => {
  app.get(
    '/people/:person/weigh-ins',
    withPerson((c, person) => c.json({ data: weighInList(person) })),
  );
  app.post(
    '/people/:person/weigh-ins',
    withPerson((c, person) => addWeighIn(state, c, person)),
  );
  app.patch(
    '/people/:person/weigh-ins/:grpid',
    withPerson((c, person) => editWeighIn(state, c, person)),
  );
  app.delete(
    '/people/:person/weigh-ins/:grpid',
    withPerson((c, person) => deleted(c, state.weighIns.remove(person, grpidOf(c)))),
  );
  app.post(
    '/people/:person/heights',
    withPerson((c, person) => addHeight(state, c, person)),
  );
  app.get(
    '/people/:person/groups',
    withPerson((c, person) => c.json(groupList(person))),
  );
  app.post(
    '/people/:person/groups',
    withPerson((c, person) => addGroup(state, c, person)),
  );
  app.patch(
    '/people/:person/groups/:grpid',
    withPerson((c, person) => editGroup(state, c, person)),
  );
  app.delete(
    '/people/:person/groups/:grpid',
    withPerson((c, person) => deleted(c, person.groups.remove(grpidOf(c)) ? [grpidOf(c)] : [])),
  );
};

import type { GetmeasBody, MeasureGroup } from '../../withings/wire.ts';
import { insufficientScope, invalidParams, success, type Answer } from '../api/answer.ts';
import type { Call } from '../api/call.ts';
import { effectiveScopes, type Person } from '../people/people.ts';
import type { Settings } from '../settings.ts';
import type { SimulatorState } from '../state.ts';
import type { Distortion, StoredGroup } from './groups.ts';

const MEASURE_SCOPE = 'user.metrics';

type Query = {
  types: Set<number> | null;
  category: number | null;
  startdate: number | null;
  enddate: number | null;
  lastupdate: number | null;
  offset: number;
};

const numberFields = ['meastype', 'category', 'startdate', 'enddate', 'lastupdate', 'offset'] as const;

/** The parameters, or the name of the first one that is wrong. */
const parseQuery = (fields: Call['fields']): Query | string => {
  const wrong = numberFields.find((name) => fields[name] !== undefined && !/^\d{1,12}$/.test(fields[name]));
  if (wrong !== undefined) return wrong;
  const number = (name: (typeof numberFields)[number]) => (fields[name] === undefined ? null : Number(fields[name]));
  const { meastypes } = fields;
  if (meastypes !== undefined && !/^\d{1,9}(,\d{1,9})*$/.test(meastypes)) return 'meastypes';
  // Documented as alternatives. Withings' answer to both at once is unknown, so it is not guessed.
  if (meastypes !== undefined && fields['meastype'] !== undefined) return 'meastype';
  const query = {
    types: meastypes === undefined ? null : new Set(meastypes.split(',').map(Number)),
    category: number('category'),
    startdate: number('startdate'),
    enddate: number('enddate'),
    lastupdate: number('lastupdate'),
    offset: number('offset') ?? 0,
  };
  const meastype = number('meastype');
  if (meastype !== null) query.types = new Set([meastype]);
  return query.category !== null && ![1, 2].includes(query.category) ? 'category' : query;
};

const matches = (group: StoredGroup, query: Query): boolean =>
  (query.category === null || group.category === query.category) &&
  (query.startdate === null || group.date >= query.startdate) &&
  (query.enddate === null || group.date <= query.enddate) &&
  (query.lastupdate === null || group.modified > query.lastupdate) &&
  (query.types === null || group.measures.some(({ type }) => query.types?.has(type)));

/** As recorded: newest `date` first, but oldest `modified` first in answer to `lastupdate`. */
const inOrder = (groups: StoredGroup[], query: Query, order: Settings['order']): StoredGroup[] => {
  const sign = order === 'recorded' ? 1 : -1;
  return query.lastupdate === null
    ? groups.sort((a, b) => sign * (b.date - a.date || b.grpid - a.grpid))
    : groups.sort((a, b) => sign * (a.modified - b.modified || a.grpid - b.grpid));
};

const onTheWire = ({ distortion, ...group }: StoredGroup, types: Query['types'], person: Person): MeasureGroup => {
  const shown: MeasureGroup = { ...group };
  if (types !== null) shown.measures = group.measures.filter(({ type }) => types.has(type));
  if (person.olderRecordings) {
    delete shown.modified;
    delete shown.modelid;
    delete shown.model;
  }
  return distortion === undefined ? shown : distorted(shown, distortion);
};

const distorted = (group: MeasureGroup, { without = [], instead = {} }: Distortion): MeasureGroup =>
  Object.fromEntries(
    Object.entries({ ...group, ...instead }).filter(([name]) => !without.includes(name)),
  ) as MeasureGroup;

/**
 * `more` and `offset` are absent from an answer of a single page; the last of several says `more` 0. The offset
 * is a position in the list as it is at the time of the call, so a list that changed in between shifts.
 */
const paging = (offset: number, total: number, pageSize: number): Pick<GetmeasBody, 'more' | 'offset'> => {
  if (offset + pageSize < total) return { more: 1, offset: offset + pageSize };
  return offset === 0 ? {} : { more: 0, offset: 0 };
};

/** A page of what was found, and where the next one is. */
const pageOf = (found: StoredGroup[], offset: number, person: Person, pageSize: number) => {
  const page = found.slice(offset, offset + pageSize);
  const isLast = offset + pageSize >= found.length;
  if (!isLast || person.endlessMore === null) return { page, ...paging(offset, found.length, pageSize) };
  if (person.endlessMore === 'same_offset') return { page, more: 1, offset };
  const isBeyond = page.length === 0 && person.endlessMore === 'known_pages';
  return { page: isBeyond ? found.slice(0, pageSize) : page, more: 1, offset: offset + pageSize };
};

const updatetime = (state: SimulatorState, person: Person): number => {
  if (state.settings.updatetime === 'now') return state.clock.seconds();
  return person.groups.all().reduce((latest, { modified }) => Math.max(latest, modified), 0);
};

/** `action=getmeas` for the person whose live access token came with the call, granted `scopes`. */
export const getmeas = (state: SimulatorState, call: Call, person: Person, scopes: string[]): Answer => {
  if (!effectiveScopes(scopes, person).includes(MEASURE_SCOPE)) return insufficientScope;
  const query = parseQuery(call.fields);
  if (typeof query === 'string') return invalidParams(query);
  const found = person.sharingPaused ? [] : person.groups.all().filter((group) => matches(group, query));
  const pageSize = person.pageSize ?? state.settings.pageSize;
  const { page, ...next } = pageOf(inOrder(found, query, state.settings.order), query.offset, person, pageSize);
  const body: GetmeasBody = {
    updatetime: updatetime(state, person),
    timezone: person.timezone,
    measuregrps: page.map((group) => onTheWire(group, query.types, person)),
    ...next,
  };
  const isSlow = person.slow !== null && page.length > person.slow.aboveGroups;
  return { ...success(body), delayMs: isSlow ? person.slow?.delayMs : undefined };
};

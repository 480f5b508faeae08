/**
 * People whose data, or whose Withings, differs from the documentation. Each was seen in recordings or in reports about
 * clients.
 */
import type { Measure } from '../../withings/wire.ts';
import { bodyOf } from '../measures/body.ts';
import { type DraftGroup, heightGroup, weighInGroups } from '../measures/device-groups.ts';
import type { StoredGroup } from '../measures/groups.ts';
import { storedGroup } from '../measures/stored-group.ts';
import { historyGroups, type Past } from './history.ts';
import type { PersonSeed } from './people.ts';

const DAY_SECONDS = 24 * 60 * 60;

/** What a person has beside an ordinary past of two months on a Body Cardio. */
type Odd = Omit<PersonSeed, 'history'> & {
  past?: Partial<Past>;
  hasNoHeight?: boolean;
  /** Groups beside the past. `add` stores one at a moment (Unix seconds). */
  beside?: (add: Add, startSeconds: number) => void;
  /** What becomes of each group of the past; `back` counts from the newest. */
  change?: (group: StoredGroup, back: number) => StoredGroup;
};

type Add = (date: number, draft: DraftGroup, more?: Partial<StoredGroup>) => void;

const FIRST_GRPID = 6_800_000_003;
/** Room for ten years of a Body Scan. */
const GRPIDS_EACH = 10_000_000;

const seed = (
  { past, hasNoHeight = false, beside, change = (group) => group, ...person }: Odd,
  index: number,
): PersonSeed => {
  const firstGrpid = FIRST_GRPID + index * GRPIDS_EACH;
  return {
    ...person,
    history: (startSeconds) => {
      const ordinary = historyGroups(
        {
          id: person.id,
          timezone: person.timezone,
          firstGrpid,
          startWeightG: 72_000,
          fatPercent: 23.5,
          trendG: -900,
          ageYears: 37,
          ...(!hasNoHeight && { heightMm: 1710 }),
          weighIns: 60,
          scale: () => 'body_cardio',
          ...past,
        },
        startSeconds,
      );
      const groups = ordinary.map((group, place) => change(group, ordinary.length - 1 - place));
      const add: Add = (date, draft, more = {}) => {
        const grpid = firstGrpid + (groups.length + 1) * 7 + 3;
        const created = Math.min(Math.max(date + 20, startSeconds - 90 * DAY_SECONDS), startSeconds);
        groups.push({ ...storedGroup(draft, { grpid, owner: person.id, date, created }), ...more });
      };
      beside?.(add, startSeconds);
      return groups;
    },
  };
};

const weight = (kg: number): DraftGroup => {
  const [draft] = weighInGroups('manual', bodyOf(Math.round(kg * 1000), 24));
  if (draft === undefined) throw new Error('a typed-in weight is one group');
  return draft;
};

/** What Withings adds to a typed-in weight. */
const filledIn = (kg: number): DraftGroup => {
  const draft = weight(kg);
  const zero = { unit: -3, value: 0 };
  const same: Measure = { type: 5, unit: -3, value: Math.round(kg * 1000) };
  return { ...draft, measures: [...draft.measures, { type: 8, ...zero }, { type: 6, ...zero }, same] };
};

/** Pulse wave velocity and vascular age of the right foot. */
const footsArteries: DraftGroup = {
  attrib: 10,
  category: 1,
  device: 'body_cardio',
  measures: [
    { value: 7_721, type: 91, unit: -3, position: 4 },
    { value: 430, type: 155, unit: -1, position: 4 },
  ],
};

/** Where Amara was, for two weeks each. */
const STOPS = ['Pacific/Auckland', 'Asia/Kolkata', 'America/Los_Angeles', 'Pacific/Kiritimati'];

const ODD: Odd[] = [
  {
    id: 'sigrid',
    userid: 39_100_001,
    name: 'Sigrid Lund',
    description: 'Weigh-ins dated 2, 40 and 400 days ahead: her scale’s clock was wrong',
    timezone: 'Europe/Copenhagen',
    beside: (add, now) => {
      for (const [days, kg] of [
        [2, 71.9],
        [40, 73.2],
        [400, 180],
      ] as const) {
        add(now + days * DAY_SECONDS, weight(kg));
      }
    },
  },
  {
    id: 'ernst',
    userid: 39_100_002,
    name: 'Ernst Vogel',
    description: 'Weigh-ins dated before 1970, and one on its first second',
    timezone: 'Europe/Berlin',
    beside: (add) => {
      for (const [date, kg] of [
        [-400 * DAY_SECONDS, 4.2],
        [-1, 8.1],
        [0, 8.2],
      ] as const) {
        add(date, weight(kg));
      }
    },
  },
  {
    id: 'lucia',
    userid: 39_100_003,
    name: 'Lucía Romero',
    description: 'Types in weights, to which Withings adds 0 % of fat; typed in 0 kg once, and 1.08 m before 1.80 m',
    timezone: 'America/Bogota',
    hasNoHeight: true,
    beside: (add, now) => {
      add(now - 50 * DAY_SECONDS, heightGroup(1080));
      add(now - 50 * DAY_SECONDS + 60, heightGroup(1800));
      for (const days of [1, 2, 3]) add(now - days * DAY_SECONDS - 3_600, filledIn(71 + days / 10));
      add(now - 7_200, weight(0));
    },
  },
  {
    id: 'matteo',
    userid: 39_100_004,
    name: 'Matteo Ricci',
    description: 'Pulse wave velocities of a foot, and undocumented attributions',
    timezone: 'Europe/Rome',
    beside: (add, now) => {
      for (const days of [1, 2, 3]) add(now - days * DAY_SECONDS, footsArteries);
      add(now - 4 * DAY_SECONDS, { ...weight(71.4), device: 'body_scan', attrib: 10_009 });
      add(now - 5 * DAY_SECONDS, { ...weight(71.6), device: 'body_scan', attrib: 10_010 });
    },
  },
  {
    id: 'hanna',
    userid: 39_100_005,
    name: 'Hanna Virtanen',
    description: 'Groups that lack created, modified or model',
    timezone: 'Europe/Helsinki',
    change: (group, back) => {
      const missing = [['created'], ['created', 'modified'], ['modelid', 'model', 'hash_deviceid'], ['comment']];
      return { ...group, distortion: { without: missing[back % missing.length] } };
    },
  },
  {
    id: 'amara',
    userid: 39_100_006,
    name: 'Amara Nwosu',
    description: 'Travels: two weeks each in Auckland, Kolkata, Los Angeles and Kiritimati, and home to Lagos',
    timezone: 'Africa/Lagos',
    past: { scale: () => 'body_plus', secondOfDay: 23 * 3600 + 30 * 60 },
    change: (group, back) => {
      const stop = back === 0 ? undefined : STOPS[Math.floor((back - 1) / 14)];
      return stop === undefined ? group : { ...group, timezone: stop };
    },
  },
  {
    id: 'omar',
    userid: 39_100_007,
    name: 'Omar Haddad',
    description: 'One value and one whole group that cannot be read, among good ones',
    timezone: 'Africa/Casablanca',
    change: (group, back) => {
      if (back === 8) {
        const [first, ...others] = group.measures;
        return { ...group, distortion: { instead: { measures: [{ ...first, value: 'n/a' }, ...others] } } };
      }
      return back === 20 ? { ...group, distortion: { instead: { date: null } } } : group;
    },
  },
  {
    id: 'greta',
    userid: 39_100_008,
    name: 'Greta Nilsson',
    description: 'Ten years of a Body Scan, on pages of more than 8 MiB',
    timezone: 'Europe/Stockholm',
    past: { weighIns: 3_650, scale: () => 'body_scan' },
    pageSize: 20_000,
  },
  {
    id: 'pavel',
    userid: 39_100_009,
    name: 'Pavel Novák',
    description: 'Withings takes half a minute for an answer of more than 100 groups',
    timezone: 'Europe/Prague',
    past: { weighIns: 400 },
    slow: { aboveGroups: 100, delayMs: 30_000 },
  },
  {
    id: 'yuki',
    userid: 39_100_010,
    name: 'Yuki Tanaka',
    description: 'Withings always says that there is more, and gives what it gave',
    timezone: 'America/Sao_Paulo',
    endlessMore: 'known_pages',
  },
];

/** Those whom most clients get wrong, behind the ordinary people on the consent page. */
export const oddPeople: PersonSeed[] = ODD.map(seed);

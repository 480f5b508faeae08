import type { StoredGroup } from '../measures/groups.ts';
import { historyGroups, type Past } from './history.ts';
import { oddPeople } from './odd-people.ts';
import type { PersonSeed } from './people.ts';

type DemoPerson = { userid: number; name: string; description: string; past: Past };

const YEAR_WEIGH_INS = 365;

const nora: DemoPerson = {
  userid: 38_204_117,
  name: 'Nora Haugen',
  description: 'Bought a Body+ scale a week ago',
  past: {
    id: 'nora',
    timezone: 'Europe/Oslo',
    firstGrpid: 6_710_000_009,
    startWeightG: 68_400,
    fatPercent: 27.4,
    trendG: -600,
    ageYears: 34,
    heightMm: 1680,
    weighIns: 7,
    scale: () => 'body_plus',
  },
};

const walter: DemoPerson = {
  userid: 12_870_455,
  name: 'Walter Okafor',
  description: 'Ten years of daily weigh-ins, two scales and a blood pressure cuff',
  past: {
    id: 'walter',
    timezone: 'America/New_York',
    firstGrpid: 6_500_000_021,
    startWeightG: 96_300,
    fatPercent: 29.1,
    trendG: -11_500,
    ageYears: 52,
    heightMm: 1835,
    weighIns: 10 * YEAR_WEIGH_INS,
    scale: (back) => (back >= 7 * YEAR_WEIGH_INS ? 'body_cardio' : 'body_comp'),
    cuffEveryDays: 2,
    goalG: 82_000,
  },
};

const ines: DemoPerson = {
  userid: 36_915_802,
  name: 'Inês Carvalho',
  description: 'Never told Withings her height',
  past: {
    id: 'ines',
    timezone: 'Europe/Lisbon',
    firstGrpid: 6_720_000_013,
    startWeightG: 59_800,
    fatPercent: 24.8,
    trendG: 400,
    ageYears: 29,
    weighIns: 30,
    scale: () => 'body_plus',
  },
};

const priya: DemoPerson = {
  userid: 35_446_290,
  name: 'Priya Raman',
  description: 'Shares a scale: some weigh-ins may be her flatmate’s',
  past: {
    id: 'priya',
    timezone: 'Asia/Kolkata',
    firstGrpid: 6_730_000_031,
    startWeightG: 63_200,
    fatPercent: 26.2,
    trendG: -1500,
    ageYears: 31,
    heightMm: 1622,
    weighIns: 60,
    scale: () => 'body_cardio',
    flatmate: { everyDays: 4, weightG: 88_600 },
    goalG: 60_000,
  },
};

const kenji: DemoPerson = {
  userid: 37_558_631,
  name: 'Kenji Mori',
  description: 'Owns a Body Scan: segments, nerve health and an ECG at every weigh-in',
  past: {
    id: 'kenji',
    timezone: 'Asia/Tokyo',
    firstGrpid: 6_740_000_017,
    startWeightG: 77_450,
    fatPercent: 19.6,
    trendG: 900,
    ageYears: 45,
    heightMm: 1744,
    weighIns: 45,
    scale: () => 'body_scan',
    // Late in the evening, so that local days and UTC days differ.
    secondOfDay: 23 * 3600 + 10 * 60,
  },
};

const demoAccount: DemoPerson = {
  userid: 10_000_363,
  name: 'Withings demo account',
  description: 'Whom mode=demo authorizes',
  past: {
    id: 'withings-demo',
    timezone: 'Europe/Paris',
    firstGrpid: 6_400_000_003,
    startWeightG: 71_000,
    fatPercent: 22.5,
    trendG: -800,
    ageYears: 38,
    heightMm: 1760,
    weighIns: 90,
    scale: () => 'body_cardio',
  },
};

/** A past is made once for a start of the clock: tests start hundreds of simulators at one time. */
const seed = ({ past, ...person }: DemoPerson): PersonSeed => {
  let made: { startSeconds: number; groups: StoredGroup[] } | null = null;
  return {
    ...person,
    id: past.id,
    timezone: past.timezone,
    history: (startSeconds) => {
      if (made?.startSeconds !== startSeconds) made = { startSeconds, groups: historyGroups(past, startSeconds) };
      return made.groups;
    },
  };
};

/** The people that the consent page offers; the first one has a height. */
export const demoPeople: PersonSeed[] = [...[nora, walter, ines, priya, kenji].map(seed), ...oddPeople];

/** The shared account with invented data that `mode=demo` authorizes instead of the signed-in person. */
export const sharedDemoAccount: PersonSeed = seed(demoAccount);

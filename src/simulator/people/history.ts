/** Invented pasts of the demo people: the same for the same person and start of the clock. */
import { bodyOf, type Body } from '../measures/body.ts';
import {
  bloodPressureGroup,
  heightGroup,
  weighInGroups,
  weightGoal,
  type DraftGroup,
} from '../measures/device-groups.ts';
import type { Source } from '../measures/device.ts';
import type { StoredGroup } from '../measures/groups.ts';
import { storedGroup } from '../measures/stored-group.ts';
import { localDays } from './local-time.ts';
import { pseudoRandom } from './pseudo-random.ts';

const DAY_SECONDS = 24 * 60 * 60;
const MINUTE_SECONDS = 60;
/** Recorded gap between the groups of one weigh-in. */
const GROUP_GAP_SECONDS = 2;

/** What happened at one time, and how much later it reached Withings. */
type Happening = { date: number; storedAfterSeconds: number; groups: DraftGroup[] };

export type Past = {
  id: string;
  timezone: string;
  firstGrpid: number;
  /** Of the oldest weigh-in. */
  startWeightG: number;
  fatPercent: number;
  /** Change from the oldest weigh-in to the newest. */
  trendG: number;
  ageYears: number;
  heightMm?: number;
  /** Weigh-ins wanted, one a day, the newest on the last morning before the clock's start. */
  weighIns: number;
  /** Which scale stood in the bathroom, by how many weigh-ins before the last. */
  scale: (weighInsBack: number) => Source;
  /** Local second of the day around which it happens; by default shortly after seven. */
  secondOfDay?: number;
  cuffEveryDays?: number;
  /** Every so many days another person steps on: an ambiguous weigh-in. */
  flatmate?: { everyDays: number; weightG: number };
  goalG?: number;
};

const yearlySwing = (daysBack: number) => Math.sin((2 * Math.PI * daysBack) / 365.25);

const bodyAt = (past: Past, back: number, next: () => number): Body => {
  const progress = past.weighIns === 1 ? 1 : 1 - back / (past.weighIns - 1);
  const drift = past.trendG * progress + 900 * yearlySwing(back) * (past.weighIns > 200 ? 1 : 0);
  const weightG = Math.round((past.startWeightG + drift + (next() - 0.5) * 700) / 50) * 50;
  return bodyOf(weightG, past.fatPercent + (past.trendG / 4000) * progress + (next() - 0.5) * 0.8, {
    pulseBpm: Math.round(56 + next() * 16),
    pulseWaveMmPerS: Math.round(6600 + next() * 900),
    vascularAgeYears: past.ageYears - 3 + Math.round(next() * 6),
    nerveScoreMilli: Math.round(60_000 + next() * 20_000),
    ageYears: past.ageYears,
  });
};

/** Another person's weigh-in, which the scale cannot attribute. */
const flatmateGroups = (source: Source, weightG: number): DraftGroup[] =>
  weighInGroups(source, bodyOf(weightG, 24)).map((group) => ({ ...group, attrib: 1 }));

/** Seconds until the scale's upload: mostly within two minutes, now and then days, when it was offline. */
const uploadDelay = (past: Past, back: number, next: () => number): number =>
  past.weighIns > 200 && back % 97 === 13 ? Math.round((1 + next() * 5) * DAY_SECONDS) : Math.round(6 + next() * 110);

const happeningsOfDay = (past: Past, back: number, date: number, next: () => number): Happening[] => {
  const source = past.scale(back);
  const body = bodyAt(past, back, next);
  const storedAfterSeconds = uploadDelay(past, back, next);
  const happenings: Happening[] = [{ date, storedAfterSeconds, groups: weighInGroups(source, body) }];
  if (past.cuffEveryDays !== undefined && back % past.cuffEveryDays === 0) {
    const systolic = Math.round(116 + next() * 14);
    const cuff = bloodPressureGroup(Math.round(72 + next() * 10), systolic, body.pulseBpm);
    happenings.push({ date: date + 4 * MINUTE_SECONDS, storedAfterSeconds: 20, groups: [cuff] });
  }
  const { flatmate } = past;
  if (flatmate !== undefined && back % flatmate.everyDays === 1) {
    const weightG = Math.round((flatmate.weightG + (next() - 0.5) * 800) / 50) * 50;
    const groups = flatmateGroups(source, weightG);
    happenings.push({ date: date + 7 * MINUTE_SECONDS, storedAfterSeconds: 40, groups });
  }
  return happenings;
};

const profile = (past: Past, firstDate: number): Happening[] => {
  const date = firstDate - 15 * MINUTE_SECONDS;
  const groups: DraftGroup[] = [];
  if (past.heightMm !== undefined) groups.push(heightGroup(past.heightMm));
  if (past.goalG !== undefined) groups.push(weightGoal(past.goalG));
  return groups.length === 0 ? [] : [{ date, storedAfterSeconds: 1, groups }];
};

/** The past as groups, in the order they reached Withings; `startSeconds` is the clock's start. */
export const historyGroups = (past: Past, startSeconds: number): StoredGroup[] => {
  const next = pseudoRandom(`${past.id} history`);
  const at = localDays(past.timezone, startSeconds);
  const around = past.secondOfDay ?? 7 * 3600 + 10 * MINUTE_SECONDS;
  // The newest weigh-in and what follows it on that day must lie before the start.
  const lastDay = at(0, around) + 45 * MINUTE_SECONDS < startSeconds ? 0 : 1;
  const happenings: Happening[] = [];
  for (let back = past.weighIns - 1; back >= 0; back -= 1) {
    const date = at(back + lastDay, around + Math.round((next() - 0.5) * 40 * MINUTE_SECONDS));
    if (happenings.length === 0) happenings.push(...profile(past, date));
    happenings.push(...happeningsOfDay(past, back, date, next));
  }
  return stored(past, happenings, startSeconds);
};

const stored = (past: Past, happenings: Happening[], startSeconds: number): StoredGroup[] => {
  const inOrder = happenings
    .flatMap(({ date, storedAfterSeconds, groups }) =>
      groups.map((draft, index) => ({
        draft,
        date,
        created: Math.min(date + storedAfterSeconds + index * GROUP_GAP_SECONDS, startSeconds),
      })),
    )
    .sort((a, b) => a.created - b.created);
  return inOrder.map(({ draft, date, created }, index) =>
    storedGroup(draft, { grpid: past.firstGrpid + index * 7, owner: past.id, date, created }),
  );
};

import type { Clock } from '../clock.ts';
import type { Person } from '../people/people.ts';
import { bodyOf, type Body } from './body.ts';
import { heightGroup, weighInGroups, weightOnly, type DraftGroup } from './device-groups.ts';
import type { Source } from './device.ts';
import { weighInOf, type StoredGroup } from './groups.ts';
import { storedGroup } from './stored-group.ts';

/** Between stepping on the scale and Withings storing it. */
const UPLOAD_SECONDS = 20;
const DEFAULT_FAT_PERCENT = 24;
/** Above those of the demo people. */
const FIRST_NEW_GRPID = 6_900_000_001;

/** A step on the scale. Absent values are in usual proportions to the others. */
type WeighIn = {
  weightKg: number;
  /** Per cent; `fatMassKg` wins when both are given. */
  fatRatio?: number | undefined;
  fatMassKg?: number | undefined;
  muscleMassKg?: number | undefined;
  hydrationKg?: number | undefined;
  boneMassKg?: number | undefined;
  heartPulseBpm?: number | undefined;
  /** Unix seconds; shortly before now. Withings stores it now. */
  date?: number | undefined;
  /** Which device's groups to make; `body_plus`. */
  device?: Source | undefined;
  /** Of every group; 1 is ambiguous. By default what the device gives. */
  attrib?: number | undefined;
  /** In socks: the weight and nothing else. */
  weightOnly?: boolean | undefined;
};

/** What a person corrects in the app. */
type WeighInChanges = {
  weightKg?: number | undefined;
  /** Unix seconds. */
  date?: number | undefined;
  attrib?: number | undefined;
};

export type WeighIns = {
  add: (person: Person, weighIn: WeighIn) => StoredGroup[];
  /** A height typed into the app, in meters. `date` in Unix seconds, by default now. */
  addHeight: (person: Person, heightM: number, date?: number) => StoredGroup;
  /** Stores a group as it is given, with a new `grpid` unless it has one. */
  addGroup: (person: Person, group: Omit<StoredGroup, 'grpid'> & { grpid?: number | undefined }) => StoredGroup;
  /** Changes all groups of the weigh-in that `grpid` is part of: same ids, later `modified`. Empty if there is none. */
  edit: (person: Person, grpid: number, changes: WeighInChanges) => StoredGroup[];
  /** Deletes all groups of the weigh-in that `grpid` is part of; their ids. */
  remove: (person: Person, grpid: number) => number[];
  /** The next new group's id. */
  nextGrpid: () => number;
};

const grams = (kg: number | undefined): number | undefined => (kg === undefined ? undefined : Math.round(kg * 1000));

const bodyFrom = (weighIn: WeighIn): Body => {
  const known = {
    fatG: grams(weighIn.fatMassKg),
    muscleG: grams(weighIn.muscleMassKg),
    waterG: grams(weighIn.hydrationKg),
    boneG: grams(weighIn.boneMassKg),
    pulseBpm: weighIn.heartPulseBpm,
  };
  const given = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  return bodyOf(Math.round(weighIn.weightKg * 1000), weighIn.fatRatio ?? DEFAULT_FAT_PERCENT, given);
};

const draftsOf = (weighIn: WeighIn): DraftGroup[] => {
  const device = weighIn.device ?? 'body_plus';
  const body = bodyFrom(weighIn);
  const drafts =
    weighIn.weightOnly === true && device !== 'manual' ? [weightOnly(device, body)] : weighInGroups(device, body);
  return drafts.map((draft) => ({ ...draft, attrib: weighIn.attrib ?? draft.attrib }));
};

const scaled = (value: number, unit: number): number => Math.round(value * 10 ** -unit);

/** The measures with another weight; what the server computes from it (types 5 and 6) follows. */
const reweighed = (measures: StoredGroup['measures'], weightKg: number): StoredGroup['measures'] => {
  const fat = measures.find(({ type }) => type === 8);
  const fatKg = fat === undefined ? 0 : fat.value * 10 ** fat.unit;
  return measures.map((measure) => {
    if (measure.type === 1) return { ...measure, value: scaled(weightKg, measure.unit) };
    if (measure.type === 6) return { ...measure, value: scaled((100 * fatKg) / weightKg, measure.unit) };
    const computed = measure.type === 5 && measure.algo === undefined;
    return computed ? { ...measure, value: scaled(weightKg - fatKg, measure.unit) } : measure;
  });
};

/** Adds, corrects and deletes weigh-ins as devices and the app do. */
export const createWeighIns = (clock: Clock, firstGrpid = FIRST_NEW_GRPID): WeighIns => {
  let nextGrpid = firstGrpid;
  const newGrpid = () => nextGrpid++;
  const store = (person: Person, draft: DraftGroup, date: number): StoredGroup => {
    const moment = { grpid: newGrpid(), owner: person.id, date, created: clock.seconds() };
    const group = storedGroup(draft, moment);
    person.groups.add([group]);
    return group;
  };
  return {
    add: (person, weighIn) =>
      draftsOf(weighIn).map((draft) => store(person, draft, weighIn.date ?? clock.seconds() - UPLOAD_SECONDS)),
    addHeight: (person, heightM, date) =>
      store(person, heightGroup(Math.round(heightM * 1000)), date ?? clock.seconds()),
    addGroup: (person, { grpid, ...rest }) => {
      const group = { grpid: grpid ?? newGrpid(), ...rest };
      person.groups.add([group]);
      return group;
    },
    edit: (person, grpid, { weightKg, date, attrib }) =>
      weighInOf(person.groups, grpid).flatMap((group) => {
        const changes = {
          ...(date === undefined ? {} : { date }),
          ...(attrib === undefined ? {} : { attrib }),
          ...(weightKg === undefined ? {} : { measures: reweighed(group.measures, weightKg) }),
        };
        return person.groups.edit(group.grpid, changes, clock.seconds()) ?? [];
      }),
    remove: (person, grpid) => {
      const ids = weighInOf(person.groups, grpid).map((group) => group.grpid);
      for (const id of ids) person.groups.remove(id);
      return ids;
    },
    nextGrpid: () => nextGrpid,
  };
};

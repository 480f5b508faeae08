import type { MeasureGroup } from '../../withings/wire.ts';

/** How a group is distorted when it is sent: omitted fields, and fields with other values of any kind. */
export type Distortion = { without?: string[] | undefined; instead?: Record<string, unknown> | undefined };

/** A group as Withings keeps it: always with `modified`, and with the weigh-in it is part of. */
export type StoredGroup = MeasureGroup & { modified: number; distortion?: Distortion };

/** What an edit may change; `grpid` and `created` stay. */
type GroupChanges = Partial<Pick<StoredGroup, 'date' | 'attrib' | 'category' | 'measures'>>;

export type Groups = {
  /** In the order they were stored. */
  all: () => readonly StoredGroup[];
  get: (grpid: number) => StoredGroup | undefined;
  add: (groups: StoredGroup[]) => void;
  edit: (grpid: number, changes: GroupChanges, nowSeconds: number) => StoredGroup | undefined;
  /** Removes without a trace, as Withings does. */
  remove: (grpid: number) => boolean;
  /** Whether they are no longer what was loaded. */
  changed: () => boolean;
};

/** Gets a group as it was and as it is: absent before it was created, and after it was deleted. */
export type GroupChanged = (before: StoredGroup | undefined, after: StoredGroup | undefined) => void;

/** One person's groups; `load` makes the first ones when they are first asked for. */
export const createGroups = (load: () => StoredGroup[], onChange: GroupChanged): Groups => {
  let loaded: Map<number, StoredGroup> | null = null;
  let inOrder: readonly StoredGroup[] | null = null;
  let changed = false;
  const groups = () => (loaded ??= new Map(load().map((group) => [group.grpid, group])));
  const change = () => {
    inOrder = null;
    changed = true;
  };
  return {
    all: () => (inOrder ??= [...groups().values()]),
    get: (grpid) => groups().get(grpid),
    add: (added) => {
      change();
      for (const group of added) {
        const before = groups().get(group.grpid);
        groups().set(group.grpid, group);
        onChange(before, group);
      }
    },
    edit: (grpid, changes, nowSeconds) => {
      const group = groups().get(grpid);
      if (group === undefined) return undefined;
      const edited = { ...group, ...changes, modified: nowSeconds };
      change();
      groups().set(grpid, edited);
      onChange(group, edited);
      return edited;
    },
    remove: (grpid) => {
      const group = groups().get(grpid);
      if (group === undefined) return false;
      change();
      groups().delete(grpid);
      onChange(group, undefined);
      return true;
    },
    changed: () => changed,
  };
};

/** The groups that one step on the scale made: those of one device at one moment. */
export const weighInOf = (groups: Groups, grpid: number): StoredGroup[] => {
  const one = groups.get(grpid);
  if (one === undefined) return [];
  return groups
    .all()
    .filter(({ date, deviceid, attrib, grpid }) =>
      deviceid === null
        ? grpid === one.grpid
        : date === one.date && deviceid === one.deviceid && (attrib === 1) === (one.attrib === 1),
    );
};

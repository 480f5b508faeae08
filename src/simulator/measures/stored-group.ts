import { stableHex40 } from '../people/pseudo-random.ts';
import type { DraftGroup } from './device-groups.ts';
import { devices } from './device.ts';
import type { StoredGroup } from './groups.ts';

/** When and for whom a draft is stored; times in Unix seconds. `owner` is the person's id. */
type Moment = { grpid: number; owner: string; date: number; created: number };

/** A draft with its identity and moment, its keys in the order of the recordings. */
export const storedGroup = (draft: DraftGroup, { grpid, owner, date, created }: Moment): StoredGroup => {
  const device = draft.device === null ? null : devices[draft.device];
  const deviceid = draft.device === null ? null : stableHex40(`${owner} ${draft.device}`);
  return {
    grpid,
    attrib: draft.attrib,
    date,
    created,
    modified: created,
    category: draft.category,
    deviceid,
    hash_deviceid: deviceid,
    measures: draft.measures,
    modelid: device?.modelid ?? null,
    model: device?.model ?? null,
    comment: null,
  };
};

import { createGroups, type GroupChanged, type Groups, type StoredGroup } from '../measures/groups.ts';

/** Who has an account. */
type Profile = {
  /** How the consent form and the control API name the person. */
  id: string;
  /** How Withings names them. */
  userid: number;
  name: string;
  description: string;
  /** IANA name. */
  timezone: string;
};

/** What a person may change about what clients see. */
type Sharing = {
  /** The scopes that the person still allows any client; null is no limit. */
  allowedScopes: string[] | null;
  /** Data calls succeed and are empty. */
  sharingPaused: boolean;
  /** Groups as recorded up to early 2022: without `modified`, `modelid` and `model`. */
  olderRecordings: boolean;
};

/** How Withings answers data calls about a person, where that is not as usual. */
type Upstream = {
  /** Groups on one page; null is the setting's. */
  pageSize: number | null;
  /** What an answer that says `more` without end goes on with; null ends it. */
  endlessMore: 'same_offset' | 'empty_pages' | 'known_pages' | null;
  /** An answer of more groups than this takes so long, in ms. */
  slow: { aboveGroups: number; delayMs: number } | null;
};

/** What a person is made from. `history` gives the groups they have from the start (the clock's, Unix seconds). */
export type PersonSeed = Profile & Partial<Sharing & Upstream> & { history?: (startSeconds: number) => StoredGroup[] };

export type Person = Profile & Sharing & Upstream & { groups: Groups };

export type People = {
  list: () => Person[];
  /** By id or userid. */
  find: (idOrUserid: string | number) => Person | undefined;
  /** Null when the id or the userid is taken. */
  add: (seed: PersonSeed) => Person | null;
  remove: (person: Person) => void;
  /** An unused userid. */
  nextUserid: () => number;
};

/**
 * The people who have a Withings account, in the order the consent page lists them. Their pasts end at
 * `startSeconds` (Unix).
 */
export const createPeople = (
  startSeconds: number,
  seeds: PersonSeed[],
  onChange: (userid: number, ...change: Parameters<GroupChanged>) => void,
): People => {
  const people = new Map<number, Person>();
  const byId = new Map<string, Person>();
  const find = (idOrUserid: string | number) => people.get(Number(idOrUserid)) ?? byId.get(String(idOrUserid));

  const add = ({ history, ...seed }: PersonSeed): Person | null => {
    if (find(seed.id) !== undefined || find(seed.userid) !== undefined) return null;
    const groups = createGroups(
      () => history?.(startSeconds) ?? [],
      (before, after) => onChange(seed.userid, before, after),
    );
    const sharing = { allowedScopes: null, sharingPaused: false, olderRecordings: false };
    const upstream = { pageSize: null, endlessMore: null, slow: null };
    const person = { ...sharing, ...upstream, ...seed, groups };
    people.set(seed.userid, person);
    byId.set(seed.id, person);
    return person;
  };

  for (const seed of seeds) {
    if (add(seed) === null) throw new Error(`Two people have the id ${seed.id} or the userid ${seed.userid}`);
  }
  return {
    list: () => [...people.values()],
    find,
    add,
    remove: (person) => people.delete(person.userid) && byId.delete(person.id),
    nextUserid: () => Math.max(40_000_000, ...people.keys()) + 1,
  };
};

/** The scopes that a grant still has, after the person's later limits. */
export const effectiveScopes = (scopes: string[], person: Person): string[] =>
  scopes.filter((scope) => person.allowedScopes?.includes(scope) ?? true);

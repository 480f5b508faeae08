/**
 * Judging what `getmeas` answers, and translating it into our names. Pure.
 *
 * Parsed by hand: a page may hold thousands of groups, and a Worker on the free plan has 10 ms of CPU for all it
 * does. What is unknown passes (types, positions, attributions, members appear over time); what is broken is
 * skipped and counted, one measure or one group at a time.
 */
import { FALLBACK_TIME_ZONE, MAX_UNIT_EXPONENT } from './constants.ts';
import { causeOfStatus, openEnvelope } from './envelope.ts';
import { fail, ok, type Outcome } from './outcome.ts';
import type { Answer } from './send.ts';
import { asObject, isInteger, isUnixSeconds, toCount } from './unverified.ts';
import type { GetmeasBody, Measure as WireMeasure, MeasureGroup as WireMeasureGroup } from './wire.ts';

export type MeasurePage = {
  /** In the order of the answer, which is not to be relied upon. */
  groups: MeasureGroup[];
  /** IANA name of the account's zone, as sent: the runtime may not know it. */
  timeZone: string;
  /** Withings' own "as of", where it gave one. */
  updateTimeSeconds: number | undefined;
  /** What to send as `offset` for the next page; undefined on the last. */
  nextOffset: number | undefined;
  /** Groups and single measures that were too broken to read. */
  skipped: number;
  /** Ids of the groups among them that have one: they are there all the same. */
  unreadableIds: number[];
  /** How many of them have no id. */
  nameless: number;
};

/** What a device recorded at one moment; one weigh-in may make several. */
export type MeasureGroup = {
  groupId: number;
  /** Unix seconds: when it was measured; before 1970 it is negative. */
  measuredAtSeconds: number;
  /** Unix seconds: when Withings stored it; when it was measured, where Withings does not say. */
  createdAtSeconds: number;
  /** Unix seconds: when it last changed; when it was stored, where Withings does not say. */
  modifiedAtSeconds: number;
  /** How it was attributed to the person: 1 is ambiguous, 2 typed in. */
  attrib: number;
  /** 1 measured, 2 a goal. */
  category: number;
  deviceId: string | null;
  model: string | null;
  modelId: number | null;
  /** IANA name: the group's own zone where it has one, else the account's. */
  timeZone: string;
  measures: Measure[];
};

/** The number is `value` × 10^`unit`, in the unit of its `type`: see `exactValue`. */
export type Measure = {
  type: number;
  /** Integer mantissa. */
  value: number;
  /** Power of ten. */
  unit: number;
  /** Where on the body; 7 (the whole of it) and undefined mean the same. */
  position: number | undefined;
};

/** `value` × 10^`unit` as the nearest number: read as decimal digits, where multiplying gives 66.60000000000001. */
export const exactValue = (value: number, unit: number): number => Number(`${value}e${unit}`);

/** Judges the answer to `getmeas`. A broken envelope is `malformed`, never an empty page. */
export const processMeasureResponse = (answer: Answer): Outcome<MeasurePage> => {
  const envelope = openEnvelope(answer);
  if (!envelope.ok) return envelope;
  if (envelope.value.status !== 0) return fail(causeOfStatus(envelope.value));
  const body = asObject<keyof GetmeasBody>(envelope.value.body);
  if (!body) return fail({ kind: 'malformed', path: 'body' });
  if (!Array.isArray(body.measuregrps)) return fail({ kind: 'malformed', path: 'body.measuregrps' });
  const more = isMore(body.more);
  if (more === undefined) return fail({ kind: 'malformed', path: 'body.more' });
  const timeZone = textOrNull(body.timezone) ?? FALLBACK_TIME_ZONE;
  return ok({
    ...parseGroups(body.measuregrps, timeZone),
    timeZone,
    updateTimeSeconds: toUnixSeconds(body.updatetime),
    nextOffset: more ? nextOffsetOf(body.offset) : undefined,
  });
};

/**
 * Where the next page is. An answer may say `more` and give offset 0, which is the page just read: to follow it would go round for ever, and
 * to refuse the page would lose what it holds. It is taken for the last one; what it did not show is found by the next question, which starts
 * from what was stored.
 */
const nextOffsetOf = (offset: unknown): number | undefined => toCount(offset) || undefined;

/** Integer or boolean by service, absent on single pages; undefined where it is neither. */
const isMore = (more: unknown): boolean | undefined => {
  if (more === undefined || more === null) return false;
  if (typeof more === 'boolean') return more;
  const count = toCount(more);
  return count === undefined ? undefined : count > 0;
};

const parseGroups = (
  wireGroups: unknown[],
  accountTimeZone: string,
): Pick<MeasurePage, 'groups' | 'skipped' | 'unreadableIds' | 'nameless'> => {
  const groups: MeasureGroup[] = [];
  const unreadableIds: number[] = [];
  let skipped = 0;
  let nameless = 0;
  for (const wireGroup of wireGroups) {
    const parsed = parseGroup(wireGroup, accountTimeZone);
    skipped += parsed ? parsed.skippedMeasures : 1;
    if (parsed) {
      groups.push(parsed.group);
      continue;
    }
    const id = asObject<keyof WireMeasureGroup>(wireGroup)?.grpid;
    if (isInteger(id)) unreadableIds.push(id);
    else nameless += 1;
  }
  return { groups, skipped, unreadableIds, nameless };
};

const parseGroup = (
  wire: unknown,
  accountTimeZone: string,
): { group: MeasureGroup; skippedMeasures: number } | undefined => {
  const group = asObject<keyof WireMeasureGroup>(wire);
  if (!group) return undefined;
  const { grpid, attrib, category, date, created, modified, measures: wireMeasures } = group;
  if (!isInteger(grpid) || !isInteger(attrib) || !isInteger(category)) return undefined;
  if (!isMeasuringTime(date) || !Array.isArray(wireMeasures)) return undefined;
  // Older answers lack it, and people type in weigh-ins of before 1970: the time of measuring stands in.
  const storedAt = isUnixSeconds(created) ? created : Math.max(0, date);
  const measures = wireMeasures.map(parseMeasure).filter((measure) => measure !== undefined);
  return {
    group: {
      groupId: grpid,
      measuredAtSeconds: date,
      createdAtSeconds: storedAt,
      modifiedAtSeconds: isUnixSeconds(modified) ? modified : storedAt,
      attrib,
      category,
      deviceId: textOrNull(group.deviceid),
      model: textOrNull(group.model),
      modelId: isInteger(group.modelid) ? group.modelid : null,
      timeZone: textOrNull(group.timezone) ?? accountTimeZone,
      measures,
    },
    skippedMeasures: wireMeasures.length - measures.length,
  };
};

/** Of 1970 or later; or a moment before that, which a calendar has. */
const isMeasuringTime = (date: unknown): date is number => isUnixSeconds(date) || (isInteger(date) && isUnixSeconds(-date));

const parseMeasure = (wire: unknown): Measure | undefined => {
  const measure = asObject<keyof WireMeasure>(wire);
  if (!measure) return undefined;
  const { type, value, unit, position } = measure;
  if (!isInteger(type) || !isInteger(value)) return undefined;
  if (!isInteger(unit) || Math.abs(unit) > MAX_UNIT_EXPONENT) return undefined;
  if (position === undefined || position === null) return { type, value, unit, position: undefined };
  // A position that cannot be read is not "the whole body": an arm would be filed as the person.
  return isInteger(position) ? { type, value, unit, position } : undefined;
};

const textOrNull = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

/** An integer in recordings, a string in the reference. */
const toUnixSeconds = (value: unknown): number | undefined => {
  const seconds = toCount(value);
  return isUnixSeconds(seconds) ? seconds : undefined;
};

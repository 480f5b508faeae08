/**
 * Validates what `getmeas` answers and translates it into the broker's names. Pure.
 *
 * Parsed by hand: a page may hold thousands of groups, and a Worker on the free plan has 10 ms of CPU. Unknown types,
 * positions, attributions and members pass, because new ones appear over time. A broken measure or group is skipped and
 * counted.
 */
import { FALLBACK_TIME_ZONE, MAX_UNIT_EXPONENT } from './constants.ts';
import { causeOfStatus, openEnvelope } from './envelope.ts';
import { fail, ok, type Outcome } from './outcome.ts';
import type { Answer } from './send.ts';
import { asObject, idOrNull, isInteger, isUnixSeconds, labelOrNull, toCount, toTimeZone } from './unverified.ts';
import type { GetmeasBody, Measure as WireMeasure, MeasureGroup as WireMeasureGroup } from './wire.ts';

/**
 * How many groups of an answer to read, from the first on, by when each was measured: Unix seconds, or `NaN` if that
 * cannot be read.
 */
export type Part = (measuredSeconds: readonly number[]) => number;

export type MeasurePage = {
  /** In the order of the answer, which Withings does not specify. */
  groups: MeasureGroup[];
  /** IANA name of the account's zone, as sent; the runtime may not know it. Undefined if Withings sent no such name. */
  timeZone: string | undefined;
  /** What to send as `offset` for the next page; undefined on the last. */
  nextOffset: number | undefined;
  /** Unix seconds: when the last group was measured, if `part` left the rest of the answer unread. */
  partEndsSeconds?: number | undefined;
  /** The number of groups and single measures that could not be read. */
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
  /** Unix seconds: the last change, or the time of storing if Withings does not say. */
  modifiedAtSeconds: number;
  /** How Withings attributed it to the user: 1 ambiguous, 2 typed in. */
  attrib: number;
  /** 1 measured, 2 a goal. */
  category: number;
  deviceId: string | null;
  model: string | null;
  modelId: number | null;
  /** IANA name: the group's own zone, or the account's if it has none. */
  timeZone: string;
  measures: Measure[];
};

/** The number is `value` × 10^`unit`, in the unit of its `type`. */
export type Measure = {
  type: number;
  /** Integer mantissa. */
  value: number;
  /** Power of ten. */
  unit: number;
  /** Position on the body; 7 (whole body) and undefined mean the same. */
  position: number | undefined;
};

/**
 * Validates the answer to `getmeas`. A broken envelope is `malformed`, never an empty page.
 *
 * @param part how many groups to read; all of them if absent
 */
export const processMeasureResponse = (answer: Answer, part?: Part): Outcome<MeasurePage> => {
  const envelope = openEnvelope(answer);
  if (!envelope.ok) return envelope;
  if (envelope.value.status !== 0) return fail(causeOfStatus(envelope.value));
  const body = bodyOf(envelope.value.body);
  if (!body) return fail({ kind: 'malformed', path: 'body' });
  if (!Array.isArray(body.measuregrps)) return fail({ kind: 'malformed', path: 'body.measuregrps' });
  const more = isMore(body.more);
  if (more === undefined) return fail({ kind: 'malformed', path: 'body.more' });
  const timeZone = toTimeZone(body.timezone);
  const all: unknown[] = body.measuregrps;
  const groups = part === undefined ? all : all.slice(0, part(all.map(measuringTimeOf)));
  return ok({
    ...parseGroups(groups, timeZone ?? FALLBACK_TIME_ZONE),
    timeZone,
    nextOffset: more ? nextOffsetOf(body.offset) : undefined,
    ...(groups.length < all.length && { partEndsSeconds: measuringTimeOf(groups.at(-1)) }),
  });
};

const measuringTimeOf = (wire: unknown): number => {
  const date = asObject<keyof WireMeasureGroup>(wire)?.date;
  return isMeasuringTime(date) ? date : NaN;
};

/** An account without any measurement may have `[]`, PHP's empty object, or null: an empty page. */
const bodyOf = (body: unknown) =>
  body === null || (Array.isArray(body) && body.length === 0)
    ? asObject<keyof GetmeasBody>({ measuregrps: [] })
    : asObject<keyof GetmeasBody>(body);

/**
 * The offset of the next page. An answer may have `more` and offset 0, which is the page just read. Following it would
 * loop forever, and refusing the page would lose its groups. So it counts as the last page. The next sync finds the
 * rest, because it starts from what was stored.
 */
const nextOffsetOf = (offset: unknown): number | undefined => toCount(offset) || undefined;

/** An integer or a boolean by service, absent on single pages; undefined if it is neither. */
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
      deviceId: idOrNull(group.deviceid),
      model: labelOrNull(group.model),
      modelId: isInteger(group.modelid) ? group.modelid : null,
      timeZone: toTimeZone(group.timezone) ?? accountTimeZone,
      measures,
    },
    skippedMeasures: wireMeasures.length - measures.length,
  };
};

/** Of 1970 or later; or a moment before that, which a calendar has. */
const isMeasuringTime = (date: unknown): date is number =>
  isUnixSeconds(date) || (isInteger(date) && isUnixSeconds(-date));

const parseMeasure = (wire: unknown): Measure | undefined => {
  const measure = asObject<keyof WireMeasure>(wire);
  if (!measure) return undefined;
  const { type, value, unit, position } = measure;
  if (!isInteger(type) || !isInteger(value)) return undefined;
  if (!isInteger(unit) || Math.abs(unit) > MAX_UNIT_EXPONENT) return undefined;
  if (position === undefined || position === null) return { type, value, unit, position: undefined };
  // An unreadable position must not become "whole body": an arm's value would be taken for the user's.
  return isInteger(position) ? { type, value, unit, position } : undefined;
};

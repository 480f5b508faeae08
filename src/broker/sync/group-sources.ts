import { sha256 } from '../../crypto/credential.ts';
import type { MeasurementGroup } from '../../domain/metrics/measurement.ts';
import { MAX_SOURCES, type Source } from '../../store/metrics/sources-and-heights.ts';

/**
 * The distinct sources of some groups, by what names them. One that the connection has keeps its id; another gets the
 * next: every measurement repeats it, and a small one takes a byte. Only the holder of the sync lease adds any.
 */
export const sourcesOf = async (
  groups: readonly MeasurementGroup[],
  known: ReadonlyMap<number, Source>,
): Promise<Map<string, Source>> => {
  const ids = new Map([...known.values()].map((source) => [contentOf(source), source.id]));
  // Earlier releases made up ids of 48 bits, which follow from the rest.
  let largest = Math.max(0, ...[...known.keys()].filter((id) => id < MOST_COUNTED));
  const sources = new Map<string, Source>();
  for (const group of groups) {
    const name = sourceName(group);
    if (sources.has(name)) continue;
    const { deviceId } = group.source;
    const source = { ...group.source, deviceId: deviceId === null ? null : shortHash(await sha256(deviceId)) };
    let id = ids.get(contentOf(source));
    if (id === undefined) {
      largest += 1;
      // So many are not all known.
      id = known.size < MAX_SOURCES ? largest : numberOf(await sha256(name));
    }
    sources.set(name, { ...source, id });
  }
  return sources;
};

const MOST_COUNTED = 2 ** 31;

const contentOf = ({ attrib, deviceId, modelId, model, timeZone }: MeasurementGroup['source']): string =>
  JSON.stringify([attrib, deviceId, modelId, model, timeZone]);

/** What tells sources apart. The device's id identifies a household for years: only a hash of it is kept. */
export const sourceName = ({ source }: MeasurementGroup): string => contentOf(source);

const shortHash = (digest: Uint8Array): string =>
  Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The first 48 bits. */
const numberOf = (digest: Uint8Array): number => digest.subarray(0, 6).reduce((number, byte) => number * 256 + byte, 0);

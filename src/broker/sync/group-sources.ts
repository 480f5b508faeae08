import { sha256 } from '../../crypto/credential.ts';
import type { MeasurementGroup } from '../../domain/metrics/measurement.ts';
import type { Source } from '../../store/metrics/sources-and-heights.ts';

/** The distinct sources of groups, by their identifying properties. */
export const sourcesOf = async (groups: readonly MeasurementGroup[]): Promise<Map<string, Source>> => {
  const sources = new Map<string, Source>();
  for (const group of groups) {
    const name = sourceName(group);
    if (!sources.has(name)) sources.set(name, await sourceOf(group));
  }
  return sources;
};

/** The properties that identify a source. */
export const sourceName = ({ source }: MeasurementGroup): string =>
  JSON.stringify([source.attrib, source.deviceId, source.modelId, source.model, source.timeZone]);

/**
 * A device's id identifies a household for years. Only a hash is stored, which is enough to distinguish two devices.
 */
const sourceOf = async (group: MeasurementGroup): Promise<Source> => {
  const digest = await sha256(sourceName(group));
  const { deviceId } = group.source;
  const deviceHash = deviceId === null ? null : shortHash(await sha256(deviceId));
  return { ...group.source, deviceId: deviceHash, id: numberOf(digest) };
};

const shortHash = (digest: Uint8Array): string =>
  Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The first 48 bits: a connection has few sources. */
const numberOf = (digest: Uint8Array): number => digest.subarray(0, 6).reduce((number, byte) => number * 256 + byte, 0);

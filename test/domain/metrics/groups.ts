import { interpretGroup, type UpstreamGroup, type UpstreamMeasure } from '../../../src/domain/metrics/measurement.ts';

/** Groups of measures as Withings sends them, for tests that interpret them. */

export const measure = (type: number, value: number, unit: number, position?: number): UpstreamMeasure => ({
  type,
  value,
  unit,
  position,
});

export const group = (changes: Partial<UpstreamGroup>): UpstreamGroup => ({
  groupId: 1,
  attrib: 0,
  category: 1,
  measuredAtSeconds: 1_706_376_730,
  createdAtSeconds: 1_706_376_751,
  modifiedAtSeconds: 1_706_376_751,
  deviceId: null,
  model: null,
  modelId: null,
  timeZone: 'Europe/Oslo',
  measures: [],
  ...changes,
});

export const valuesOf = (...measures: UpstreamMeasure[]) => interpretGroup(group({ measures }))?.values;

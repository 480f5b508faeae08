import type * as z from 'zod';

import type { MetricChange } from '../../../broker/metrics/read-metric-delta.ts';
import type { MetricPeriod } from '../../../broker/metrics/read-metric-periods.ts';
import { toRfc3339 } from '../../../domain/metrics/local-time.ts';
import { positionName, WHOLE_BODY } from '../../../domain/metrics/measurement.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { type Metric, METRICS, toImperial } from '../../../domain/metrics/metric.ts';
import { roundHalfUp } from '../../../domain/metrics/rounding.ts';
import type * as contract from './contract.ts';

/** Body data as JSON. */

export type Units = 'metric' | 'imperial';

/** A value in the requested units. */
export const inUnits = (metric: Metric | undefined, value: number, units: Units): { value: number; unit: string } =>
  metric === undefined || units === 'metric' ? { value, unit: metric?.unit ?? '' } : toImperial(metric, value);

/** The name of the value's segment, if it has one. */
export const segmentOf = (position: number): string | undefined =>
  position === WHOLE_BODY ? undefined : positionName(position);

const DERIVED_FROM = ['weight', 'height'];

/** The fields of every value: its metric, its segment, and what it was derived from. */
const described = (name: string, metric: Metric | undefined, position: number) => {
  const derived = metric?.derived === true;
  return { metric: name, segment: segmentOf(position), derived, derived_from: derived ? DERIVED_FROM : undefined };
};

/** Written without spreads: a page has a thousand of these. */
export const renderMetric = (one: MetricValue, units: Units): z.infer<typeof contract.metricValue> => {
  const derived = one.metric?.derived === true;
  const { value, unit } = inUnits(one.metric, one.value, units);
  return {
    metric: one.name,
    segment: segmentOf(one.position),
    derived,
    derived_from: derived ? DERIVED_FROM : undefined,
    value,
    unit,
    measured_at: toRfc3339(one.measuredAtSeconds, one.timeZone),
    group_id: one.groupId,
    source: {
      device: one.device,
      attribution: one.attribution,
      attribution_code: one.attribution === 'unknown' ? one.attrib : undefined,
    },
  };
};

export const renderPeriod = (one: MetricPeriod, units: Units): z.infer<typeof contract.metricPeriod> => {
  const { name, metric, position } = one.series;
  const shown = (value: number) => inUnits(metric, value, units).value;
  return {
    ...described(name, metric, position),
    unit: inUnits(metric, 0, units).unit,
    period: one.name,
    first_day: one.firstDay,
    last_day: one.lastDay,
    first: shown(one.first),
    last: shown(one.last),
    min: shown(one.min),
    max: shown(one.max),
    mean: shown(one.mean),
    count: one.count,
    carried_forward: one.count === 0,
    partial: one.partial,
    ambiguous: one.series.ambiguous,
  };
};

/** More digits than any device resolves, but few enough to hide floating-point errors of a difference. */
const CHANGE_DECIMALS = 4;

export const renderChange = (
  { ambiguous, first, last }: MetricChange,
  units: Units,
): z.infer<typeof contract.metricChange> => {
  const end = (one: MetricValue) => ({
    value: inUnits(one.metric, one.value, units).value,
    measured_at: toRfc3339(one.measuredAtSeconds, one.timeZone),
    group_id: one.groupId,
  });
  const ends = { first: end(first), last: end(last) };
  return {
    ...described(last.name, last.metric, last.position),
    unit: inUnits(last.metric, 0, units).unit,
    change: roundHalfUp(ends.last.value - ends.first.value, CHANGE_DECIMALS),
    ...ends,
    ambiguous,
  };
};

export const renderCatalog = (): z.infer<typeof contract.metricCatalog> => ({
  data: METRICS.map((metric) => ({
    metric: metric.name,
    unit: metric.unit,
    imperial_unit: toImperial(metric, 0).unit,
    group: metric.group,
    description: metric.description,
    ucum: metric.ucum ?? null,
    loinc: metric.loinc ?? null,
    healthkit: metric.healthKit ?? null,
    withings_type: metric.withingsType ?? null,
    derived: metric.derived,
    segment: metric.segment,
  })),
});

import { bmiAt, heightAt } from '../../domain/metrics/bmi.ts';
import { attributionOf } from '../../domain/metrics/measurement.ts';
import type { MetricSeries } from '../../domain/metrics/metric-query.ts';
import type { MetricValue } from '../../domain/metrics/metric-value.ts';
import type { SeriesPage, SeriesValue } from '../../store/metrics/series.ts';
import type { Source } from '../../store/metrics/sources-and-heights.ts';

/** What is needed to explain stored values: their sources, and the heights for a BMI. */
type Explained = Pick<SeriesPage, 'sources' | 'heights'>;

/** The source of a value if it was not read, because there are more than the bound. */
const UNKNOWN_SOURCE: Source = {
  id: 0,
  attrib: -1,
  deviceId: null,
  model: null,
  modelId: null,
  timeZone: 'UTC',
};

const NOTHING: MetricValue['derivedFrom'] = [];

/** A stored value as a value of a series; undefined for a BMI without a height. */
export const metricValue = (
  { sources, heights }: Explained,
  series: MetricSeries | undefined,
  stored: Omit<SeriesValue, 'rank'>,
): MetricValue | undefined => {
  if (series === undefined) return undefined;
  const isBmi = series.metric?.derived === true;
  const value = isBmi ? bmiAt(stored.value, stored.measuredAtSeconds, heights) : stored.value;
  if (value === undefined) return undefined;
  const height = isBmi ? heightAt(stored.measuredAtSeconds, heights) : undefined;
  const source = sources.get(stored.sourceId) ?? UNKNOWN_SOURCE;
  return {
    name: series.name,
    metric: series.metric,
    value,
    measuredAtSeconds: stored.measuredAtSeconds,
    timeZone: source.timeZone,
    groupId: stored.groupId,
    position: series.position,
    derivedFrom:
      height === undefined
        ? NOTHING
        : [
            { name: 'weight', groupId: stored.groupId },
            { name: 'height', groupId: height.groupId },
          ],
    device: source.model,
    deviceHash: source.deviceId,
    attribution: attributionOf(source.attrib),
    attrib: source.attrib,
  };
};

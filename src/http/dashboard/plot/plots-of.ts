import type { DatedMetricValue, DatedSeries } from '../../../broker/metrics/read-dated-values.ts';
import { localDay, toRfc3339 } from '../../../domain/metrics/local-time.ts';
import { WHOLE_BODY } from '../../../domain/metrics/measurement.ts';
import { periodOf, type PeriodLength, summarize } from '../../../domain/metrics/metric-period.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { metricByName } from '../../../domain/metrics/metric.ts';
import { startOfUtcDate, utcDate } from '../../../domain/time.ts';
import { dateText, dayText, minuteText } from '../date-words.ts';
import { attributionWords, metricTitle } from '../metric-words.ts';
import type { LinePlotProps, PlotValue } from './line-plot.tsx';

/** What was read of a range of time. */
export type RangeRead = {
  read: readonly DatedSeries[];
  /** Of the periods that are shown, unless the history is short. */
  length: PeriodLength;
  span: LinePlotProps['span'];
};

const ABSENT: Partial<Record<string, string>> = {
  bmi: 'No values in this time. A BMI needs a height, which this user may not have entered at Withings.',
};

/** A plot for each metric, and for each segment of one that has some. */
export const plotsOf = (
  names: readonly string[],
  { read, length, span }: RangeRead,
  newest: readonly MetricValue[],
): LinePlotProps[] => {
  const of = lengthFor(read, length);
  return names.flatMap((name) => {
    const found = read.filter(({ series, values }) => series.name === name && values.length > 0);
    const places =
      found.length > 0
        ? found.map(({ series: { position, ambiguous }, values }) => ({ position, ambiguous, values }))
        : newestPositions(name, newest).map((position) => ({ position, ambiguous: false, values: [] }));
    return places.map(({ position, ambiguous, values }): LinePlotProps => {
      const last = ambiguous ? undefined : newest.find((one) => one.name === name && one.position === position);
      return {
        title: [metricTitle(name, position), ...(ambiguous ? [attributionWords('ambiguous')] : [])].join(', '),
        unit: metricByName(name)?.unit ?? '',
        of,
        isSingle: values.length < FEW,
        span,
        values: values.length < FEW ? values.map(single) : means(values, of),
        newest: last && { value: last.value, day: localDay(last.measuredAtSeconds, last.timeZone) },
        ends: endsOf(values),
        absent: ABSENT[name],
      };
    });
  });
};

/** Fewer values are shown one by one: the mean of a mistaken height and the right one is neither. */
const FEW = 8;
/** A history of fewer periods is shown by day. */
const FEW_PERIODS = 7;

const lengthFor = (read: readonly DatedSeries[], length: PeriodLength): PeriodLength => {
  const periods = new Set(read.flatMap(({ values }) => values.map(({ day }) => periodOf(day, length).name)));
  return periods.size < FEW_PERIODS ? 'day' : length;
};

/** The first and the last value, as `/delta` gives them. */
const endsOf = (values: readonly DatedMetricValue[]): LinePlotProps['ends'] => {
  const [first, last] = [values[0], values.at(-1)];
  return first === undefined || last === undefined || values.length < 2 ? undefined : { first, last };
};

/** The mean of each period, in its middle. */
const means = (values: readonly DatedMetricValue[], length: PeriodLength): PlotValue[] =>
  summarize(values, length).map(({ name, firstDay, lastDay, mean }) => ({
    label: periodText(name, length, firstDay),
    at: startOfUtcDate(utcDate((startOfUtcDate(firstDay) + startOfUtcDate(lastDay)) / 2)),
    value: mean,
  }));

/** A week has its ISO name, which says no day. */
const periodText = (name: string, length: PeriodLength, firstDay: string): string => {
  if (length === 'week') return name;
  return length === 'day' ? dayText(name) : dateText(startOfUtcDate(firstDay), { month: 'short', year: 'numeric' });
};

/** A value at its local time. */
const single = ({ measuredAtSeconds, timeZone, value }: DatedMetricValue): PlotValue => {
  const local = toRfc3339(measuredAtSeconds, timeZone);
  return { label: minuteText(local), at: Date.parse(`${local.slice(0, 16)}Z`), value };
};

/** The places of a metric without values in the range: its newest ones, or the whole body. */
const newestPositions = (name: string, newest: readonly MetricValue[]): number[] => {
  const positions = new Set(newest.filter((value) => value.name === name).map(({ position }) => position));
  return positions.size === 0 ? [WHOLE_BODY] : [...positions];
};

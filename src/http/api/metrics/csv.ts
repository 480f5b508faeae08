import type { MetricPeriod } from '../../../broker/metrics/read-metric-periods.ts';
import { toRfc3339 } from '../../../domain/metrics/local-time.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { inUnits, renderPeriod, segmentOf, type Units } from './json.ts';

/**
 * Body data as CSV (RFC 4180) that a spreadsheet opens: with a header row, and a byte order mark, without which a spreadsheet takes `kg/m²`
 * for another encoding. Text that a spreadsheet would run as a formula is quoted by an apostrophe, which it hides.
 */

/** Numbers are written as they are, null leaves the cell empty, text is defused. */
type Cell = string | number | null;

const BYTE_ORDER_MARK = '\uFEFF';
const LINE_END = '\r\n';

/** What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection"). */
const FORMULA_START = /^[=+\-@\t\r]/;

const cellOf = (cell: Cell): string => {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = FORMULA_START.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const tableOf = (rows: readonly Cell[][]): string =>
  BYTE_ORDER_MARK + rows.map((row) => row.map(cellOf).join(',') + LINE_END).join('');

/** One value a line. `local_time` is what a spreadsheet reads as a time; `measured_at` is the exact one. */
export const valuesAsCsv = (values: readonly MetricValue[], units: Units): string =>
  tableOf([
    [
      'metric',
      'value',
      'unit',
      'local_time',
      'measured_at',
      'segment',
      'group_id',
      'derived_from',
      'device',
      'attribution',
      'attribution_code',
    ],
    ...values.map((one): Cell[] => {
      const { value, unit } = inUnits(one.metric, one.value, units);
      const measuredAt = toRfc3339(one.measuredAtSeconds, one.timeZone);
      return [
        one.name,
        value,
        unit,
        measuredAt.slice(0, 19).replace('T', ' '),
        measuredAt,
        segmentOf(one.position) ?? null,
        one.groupId,
        one.derivedFrom.map(({ name }) => name).join(' ') || null,
        one.device,
        one.attribution,
        one.attribution === 'unknown' ? one.attrib : null,
      ];
    }),
  ]);

/** One metric's period a line. */
export const periodsAsCsv = (periods: readonly MetricPeriod[], units: Units): string =>
  tableOf([
    [
      'metric',
      'period',
      'first_day',
      'last_day',
      'unit',
      'first',
      'last',
      'min',
      'max',
      'mean',
      'count',
      'segment',
      'derived_from',
      'partial',
      'ambiguous',
    ],
    ...periods.map((period): Cell[] => {
      const one = renderPeriod(period, units);
      return [
        one.metric,
        one.period,
        one.first_day,
        one.last_day,
        one.unit,
        one.first,
        one.last,
        one.min,
        one.max,
        one.mean,
        one.count,
        one.segment ?? null,
        one.derived_from?.join(' ') ?? null,
        String(one.partial),
        String(one.ambiguous),
      ];
    }),
  ]);

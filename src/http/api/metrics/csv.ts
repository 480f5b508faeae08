import type { MetricPeriod } from '../../../broker/metrics/read-metric-periods.ts';
import { toRfc3339 } from '../../../domain/metrics/local-time.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import { inUnits, renderPeriod, segmentOf, type Units } from './json.ts';
import type { CsvParameters } from './queries.ts';

/**
 * Body data as CSV (RFC 4180) for spreadsheets. It has a header row, and a byte order mark so that a spreadsheet
 * decodes `kg/m²` correctly. Text that a spreadsheet would run as a formula gets an apostrophe, which it hides.
 */

/** Numbers are written unchanged, null is an empty cell, and text is quoted against formulas. */
type Cell = string | number | null;

/** What stands in each column, in the order of the columns. */
type Columns<Row> = Record<string, (row: Row) => Cell>;

const BYTE_ORDER_MARK = '\uFEFF';
const LINE_END = '\r\n';
const SEPARATORS = { comma: ',', semicolon: ';', tab: '\t' } as const;

/** The beginning of a formula in spreadsheets (OWASP, "CSV Injection"). */
const FORMULA_START = /^[=+\-@\t\r]/;

const tableOf = <Row>(columns: Columns<Row>, rows: readonly Row[], { separator, decimal }: CsvParameters): string => {
  // A spreadsheet whose numbers have a comma separates its columns by something else.
  const between = SEPARATORS[separator ?? (decimal === 'comma' ? 'semicolon' : 'comma')];
  const cellOf = (cell: Cell): string => {
    const text = typeof cell === 'number' ? numberOf(cell, decimal) : textOf(cell ?? '');
    return /["\r\n]/.test(text) || text.includes(between) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lineOf = (cells: readonly Cell[]): string => cells.map(cellOf).join(between) + LINE_END;
  const getters = Object.values(columns);
  return (
    BYTE_ORDER_MARK + lineOf(Object.keys(columns)) + rows.map((row) => lineOf(getters.map((get) => get(row)))).join('')
  );
};

const numberOf = (value: number, decimal: CsvParameters['decimal']): string =>
  decimal === 'comma' ? String(value).replace('.', ',') : String(value);

const textOf = (text: string): string => (FORMULA_START.test(text) ? `'${text}` : text);

/** One value a line. `local_time` is what a spreadsheet reads as a time; `measured_at` is the exact one. */
export const valuesAsCsv = (values: readonly MetricValue[], units: Units, layout: CsvParameters): string => {
  const measuredAt = (one: MetricValue) => toRfc3339(one.measuredAtSeconds, one.timeZone);
  const shown = (one: MetricValue) => inUnits(one.metric, one.value, units);
  const columns: Columns<MetricValue> = {
    metric: (one) => one.name,
    value: (one) => shown(one).value,
    unit: (one) => shown(one).unit,
    local_time: (one) => measuredAt(one).slice(0, 19).replace('T', ' '),
    measured_at: measuredAt,
    segment: (one) => segmentOf(one.position) ?? null,
    group_id: (one) => one.groupId,
    derived_from: (one) => one.derivedFrom.map(({ name }) => name).join(' '),
    device: (one) => one.device,
    attribution: (one) => one.attribution,
    attribution_code: (one) => (one.attribution === 'unknown' ? one.attrib : null),
  };
  return tableOf(columns, values, layout);
};

const PERIOD_COLUMNS: Columns<ReturnType<typeof renderPeriod>> = {
  metric: (one) => one.metric,
  period: (one) => one.period,
  ambiguous: (one) => String(one.ambiguous),
  first_day: (one) => one.first_day,
  last_day: (one) => one.last_day,
  unit: (one) => one.unit,
  first: (one) => one.first,
  last: (one) => one.last,
  min: (one) => one.min,
  max: (one) => one.max,
  mean: (one) => one.mean,
  count: (one) => one.count,
  segment: (one) => one.segment ?? null,
  derived_from: (one) => one.derived_from?.join(' ') ?? null,
  partial: (one) => String(one.partial),
};

/** One metric's period a line. */
export const periodsAsCsv = (periods: readonly MetricPeriod[], units: Units, layout: CsvParameters): string =>
  tableOf(
    PERIOD_COLUMNS,
    periods.map((period) => renderPeriod(period, units)),
    layout,
  );

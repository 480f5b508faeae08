import type { Deps } from '../../../broker/deps.ts';
import { readMetricPeriods } from '../../../broker/metrics/read-metric-periods.ts';
import type { ConnectionId } from '../../../domain/connection-id.ts';
import type { Failure } from '../../../domain/failure.ts';
import type { PeriodLength } from '../../../domain/metrics/metric-period.ts';
import { selectMetrics } from '../../../domain/metrics/metric-query.ts';
import { rangeBetween } from '../../../domain/metrics/time-range.ts';
import { ok, type Result } from '../../../domain/result.ts';
import { DAY_MS, SECOND_MS } from '../../../domain/time.ts';
import { type DayValue, LinePlot } from '../plot/line-plot.tsx';

/** The ranges of the plots, and the period of one value. */
const RANGES = {
  month: { label: '30 days', days: 30, length: 'day' },
  quarter: { label: '90 days', days: 90, length: 'day' },
  year: { label: '1 year', days: 365, length: 'week' },
  all: { label: 'Everything', days: undefined, length: 'month' },
} as const satisfies Record<string, { label: string; days: number | undefined; length: PeriodLength }>;

const MEANS: Record<PeriodLength, string> = { day: 'daily mean', week: 'weekly mean', month: 'monthly mean' };

export type PlotRange = keyof typeof RANGES;

const isRange = (word: string): word is PlotRange => Object.hasOwn(RANGES, word);

/** The range of a word; a quarter for any other word. */
export const rangeOf = (word: string | undefined): PlotRange =>
  word !== undefined && isRange(word) ? word : 'quarter';

const PLOTTED = [
  { name: 'weight', title: 'Weight', unit: 'kg', digits: 1 },
  {
    name: 'bmi',
    title: 'BMI',
    unit: 'kg/m²',
    digits: 1,
    absent: 'No values in this time. A BMI needs a height, which this user may not have entered at Withings.',
  },
  { name: 'fat_ratio', title: 'Body fat', unit: '%', digits: 1 },
  { name: 'muscle_mass', title: 'Muscle mass', unit: 'kg', digits: 1 },
] as const;

/** The values of each plotted metric, oldest first. */
type PlotValues = ReadonlyMap<string, readonly DayValue[]>;

/** The period of each mean. */
export type Plots = {
  values: PlotValues;
  of: PeriodLength;
  /** Whether there were more values than one page reads. Then only the last year is shown. */
  isCut?: boolean;
};

/** Reads the plots of one connection; nothing if there is no connection yet. */
export const readPlots = async (
  deps: Deps,
  connection: { id: ConnectionId } | undefined,
  range: PlotRange,
): Promise<Result<Plots, Failure>> => {
  const { days, length } = RANGES[range];
  if (connection === undefined) return ok({ values: new Map(), of: length });
  const read = await readValues(deps, connection.id, days, length);
  if (!read.ok && read.failure.kind === 'invalid_parameter' && range === 'all') {
    const lastYear = await readPlots(deps, connection, 'year');
    return lastYear.ok ? ok({ ...lastYear.value, isCut: true }) : lastYear;
  }
  if (!read.ok) return read;
  const periods = new Set([...read.value.values()].flat().map(({ day }) => day)).size;
  if (length === 'day' || periods === 0 || periods >= FEW_PERIODS) return ok({ values: read.value, of: length });
  // A short history is shown by day, whatever the range.
  const daily = await readValues(deps, connection.id, days, 'day');
  return daily.ok ? ok({ values: daily.value, of: 'day' }) : daily;
};

const FEW_PERIODS = 7;

const readValues = async (
  deps: Deps,
  connectionId: ConnectionId,
  days: number | undefined,
  length: PeriodLength,
): Promise<Result<PlotValues, Failure>> => {
  const selection = selectMetrics(PLOTTED.map(({ name }) => name));
  if (!selection.ok) throw new Error(`no such metric: ${selection.failure.unknown}`);
  const nowSeconds = Math.floor(deps.now() / SECOND_MS);
  const from = days === undefined ? undefined : { seconds: nowSeconds - (days * DAY_MS) / SECOND_MS };
  const periods = await readMetricPeriods(deps, connectionId, {
    selection: selection.value,
    // A clock that is ahead still counts as now.
    ...rangeBetween(from, { seconds: nowSeconds + DAY_MS / SECOND_MS }),
    order: 'asc',
    length,
    wholeDays: { first: undefined, last: undefined },
    filling: undefined,
  });
  if (!periods.ok) return periods;
  return ok(
    Map.groupBy(
      periods.value.map(({ series, firstDay, mean }) => ({ name: series.name, day: firstDay, value: mean })),
      ({ name }) => name,
    ),
  );
};

type Props = {
  plots: Plots;
  range: PlotRange;
  /** The user's page. */
  path: string;
  /** Whether a sync could bring more. */
  isActive: boolean;
};

/** A user's body data over time, with links to other ranges. */
export const BodyPlots = ({ plots, range, path, isActive }: Props) => (
  <section aria-labelledby="body">
    <div class="title">
      <h2 id="body">Body data</h2>
      <nav class="ranges" aria-label="Time shown">
        {Object.entries(RANGES).map(([word, { label }]) => (
          <a href={`${path}?range=${word}`} aria-current={word === range ? 'true' : undefined}>
            {label}
          </a>
        ))}
      </nav>
    </div>
    {plots.isCut && <p class="hint">There are too many values to read at once. The last year is shown.</p>}
    {plots.values.size === 0 ? (
      <div class="empty">
        <p>
          <strong>No measurements in this time.</strong>{' '}
          {isActive
            ? 'Sync to get them from Withings, or choose a longer time.'
            : 'The user is not connected, so none arrive. A longer time may show more.'}
        </p>
      </div>
    ) : (
      <div class="plots">
        {PLOTTED.map(({ name, ...plot }) => (
          <LinePlot {...plot} of={MEANS[plots.of]} values={plots.values.get(name) ?? []} />
        ))}
      </div>
    )}
  </section>
);

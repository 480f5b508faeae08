import { toRfc3339 } from '../../../domain/metrics/local-time.ts';
import type { MetricValue } from '../../../domain/metrics/metric-value.ts';
import type { EpochMs } from '../../../domain/time.ts';
import { SECOND_MS } from '../../../domain/time.ts';
import { MAX_VALUES } from '../body-csv.ts';
import { type BodyData, RANGES, type Shown } from '../body-data.ts';
import { minuteText } from '../date-words.ts';
import { attributionWords, metricTitle, valueText } from '../metric-words.ts';
import { LinePlot } from '../plot/line-plot.tsx';
import { Table } from './table.tsx';
import { Ago } from './time.tsx';

type Props = {
  body: BodyData;
  /** What the page was asked to show. */
  asked: Shown;
  /** The user's page. */
  path: string;
  /** Whether a sync could bring more. */
  isActive: boolean;
  now: EpochMs;
};

/** A user's body data over time, with links to other ranges and metrics, and the newest values. */
export const BodyPlots = ({ body, asked, path, isActive, now }: Props) => (
  <>
    <section aria-labelledby="body">
      <div class="title">
        <h2 id="body">Body data</h2>
        <nav class="ranges" aria-label="Time shown">
          {Object.entries(RANGES).map(([word, { label }]) => (
            <a
              href={pathTo(path, asked, { range: word, metric: body.picked })}
              aria-current={word === asked.range ? 'true' : undefined}
            >
              {label}
            </a>
          ))}
        </nav>
      </div>
      {body.metrics.length > 0 && <Picker body={body} asked={asked} path={path} />}
      {body.ambiguous > 0 && <InDoubt body={body} asked={asked} path={path} />}
      {body.isCut && <p class="hint">There are too many values to read at once. The last year is shown.</p>}
      {body.metrics.length === 0 ? (
        <div class="empty">
          <p>
            <strong>No measurements yet.</strong>{' '}
            {isActive ? 'Sync to get them from Withings.' : 'The user is not connected, so none arrive.'}
          </p>
        </div>
      ) : (
        <div class="plots">
          {body.plots.map((plot) => (
            <LinePlot {...plot} />
          ))}
        </div>
      )}
    </section>
    {body.latest.length > 0 && <Newest values={body.latest} asked={asked} path={path} now={now} />}
  </>
);

const pathTo = (
  path: string,
  asked: Shown,
  { range = asked.range, metric, ambiguous = asked.ambiguous }: Partial<Omit<Shown, 'range'>> & { range?: string },
): string => {
  const query = {
    range,
    ...(metric !== undefined && { metric }),
    ...(ambiguous && { include: 'ambiguous' }),
  };
  return `${path}?${new URLSearchParams(query).toString()}`;
};

/** Says how many measurements are left out, with a link that shows them, and the other way round. */
const InDoubt = ({ body: { ambiguous: count, picked }, asked, path }: Pick<Props, 'body' | 'asked' | 'path'>) => (
  <p class="hint">
    {count === 1 ? '1 measurement' : `${count} measurements`} of this time may be another person’s:{' '}
    {asked.ambiguous ? 'shown in plots of their own' : 'not shown'}.{' '}
    <a href={pathTo(path, asked, { metric: picked, ambiguous: !asked.ambiguous })}>
      {asked.ambiguous ? 'Hide them' : 'Show them'}
    </a>
  </p>
);

/** A form without a script: it chooses what is plotted, and what is downloaded. */
const Picker = ({ body: { metrics, picked }, asked, path }: Pick<Props, 'body' | 'asked' | 'path'>) => (
  <>
    <form class="inline" method="get" action={path}>
      <input type="hidden" name="range" value={asked.range} />
      {asked.ambiguous && <input type="hidden" name="include" value="ambiguous" />}
      <div class="field short">
        <label for="metric">Metric</label>
        <select id="metric" name="metric">
          <option value="">The usual ones</option>
          {metrics.map((name) => (
            <option value={name} selected={name === picked}>
              {metricTitle(name)}
            </option>
          ))}
        </select>
      </div>
      <button class="quiet" type="submit">
        Show
      </button>
      <button class="quiet" type="submit" formaction={`${path}/csv`}>
        Download as CSV
      </button>
    </form>
    <p class="hint">
      A file has what is chosen above, or <a href={pathTo(`${path}/csv`, asked, { metric: 'all' })}>all metrics</a>, of
      the time shown. It ends after {MAX_VALUES.toLocaleString('en')} values, the newest first, and then has “part” in
      its name. For older ones choose one metric or a shorter time, or page through the API:{' '}
      <code>GET …/metrics/{'{user_id}'}?format=csv</code>.
    </p>
  </>
);

/** The newest value of each metric of the whole body. */
const Newest = ({
  values,
  asked,
  path,
  now,
}: { values: readonly MetricValue[] } & Pick<Props, 'asked' | 'path' | 'now'>) => (
  <section aria-labelledby="newest">
    <h2 id="newest">Newest values</h2>
    <Table
      label="Newest values"
      columns={['Metric', { label: 'Value', kind: 'number' }, 'Measured', 'Device', 'Attribution']}
      rows={values.map((value) => ({
        cells: [
          <a href={pathTo(path, asked, { metric: value.name })}>{metricTitle(value.name)}</a>,
          valueText(value.value, value.metric?.unit ?? ''),
          <>
            {minuteText(toRfc3339(value.measuredAtSeconds, value.timeZone))}
            <span class="detail">
              {value.timeZone}, <Ago at={value.measuredAtSeconds * SECOND_MS} now={now} />
            </span>
          </>,
          value.device ?? <span class="none">no device</span>,
          <span class="wrap">{attributionWords(value.attribution)}</span>,
        ],
      }))}
    />
  </section>
);

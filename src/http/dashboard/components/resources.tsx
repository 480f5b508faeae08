import { MAX_HELD, type ShownResources } from '../../../broker/operator/show-resources.ts';
import { VERSION } from '../../../version.ts';
import { Badge } from './badge.tsx';
import { Table } from './table.tsx';

const SHARES: Record<ShownResources['quota'][number]['name'], string> = {
  cron: 'Refreshes by the cron',
  sync: 'Syncs that apps ask for',
  resume: 'Histories that the cron continues',
  review: 'Reviews of older data',
  link: 'New connections',
  notify: 'Subscriptions to notifications',
  other: 'Everything else',
};

const counted = (count: number): string => `${count.toLocaleString('en')}${count < MAX_HELD ? '' : ' or more'}`;

const KINDS = { read: 'Read', written: 'Written' };

const grouped = (count: number): string => count.toLocaleString('en');

const megabytes = (bytes: number): string => (bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 });

/** From this part of a limit on, it stands out. */
const NEAR = 0.8;

const NearLimit = ({ used, limit }: { used: number; limit: number }) =>
  used < limit * NEAR ? null : (
    <Badge tone={used < limit ? 'wait' : 'bad'}>{`${Math.floor((100 * used) / limit)} % used`}</Badge>
  );

/** What the broker holds and uses, beside the limits that docs/limits.md explains. */
export const BrokerResources = ({ resources }: { resources: ShownResources }) => (
  <section aria-labelledby="resources">
    <h2 id="resources">Size and limits</h2>
    <dl class="figures">
      <div>
        <dt>Apps</dt>
        <dd>{counted(resources.apps)}</dd>
      </div>
      <div>
        <dt>Users</dt>
        <dd>{counted(resources.users)}</dd>
      </div>
      <div>
        <dt>Database, of {megabytes(resources.databaseMaxBytes)} MB</dt>
        <dd>
          {megabytes(resources.databaseBytes)} MB{' '}
          <NearLimit used={resources.databaseBytes} limit={resources.databaseMaxBytes} />
        </dd>
      </div>
      <div>
        <dt>Version</dt>
        <dd class="small">{VERSION}</dd>
      </div>
    </dl>
    <Table
      label="Requests to Withings"
      columns={['Requests to Withings', { label: 'In use now', kind: 'number' }, { label: 'A minute', kind: 'number' }]}
      rows={resources.quota.map(({ name, inUse, perMinute }) => ({
        cells: [SHARES[name], String(inUse), String(perMinute)],
      }))}
    />
    <RowsToday resources={resources} />
  </section>
);

/** Rows read and written today, beside what the plan gives. */
const RowsToday = ({ resources }: { resources: ShownResources }) => (
  <>
    <Table
      label="Rows of D1"
      columns={[
        'Rows of D1',
        { label: 'Today, at least', kind: 'number' },
        { label: 'A day, by the plan', kind: 'number' },
      ]}
      rows={(['read', 'written'] as const).map((kind) => ({
        cells: [
          KINDS[kind],
          <>
            <NearLimit used={resources.rows[kind]} limit={resources.rowsADay[kind]} /> {grouped(resources.rows[kind])}
          </>,
          grouped(resources.rowsADay[kind]),
        ],
      }))}
    />
    <p class="hint">
      The limits are those of <code>PLAN={resources.plan}</code>. Rows are counted by the Worker since midnight UTC,
      from what D1 reports. Some reads come without a report, and what a Worker has not noted when it ends is lost.
      Cloudflare’s dashboard has the exact figures (D1, Metrics).
    </p>
  </>
);

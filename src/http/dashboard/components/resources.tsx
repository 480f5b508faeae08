import { MAX_HELD, type ShownResources } from '../../../broker/operator/show-resources.ts';
import { VERSION } from '../../../version.ts';
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
        <dd>{megabytes(resources.databaseBytes)} MB</dd>
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
    <Table
      label="Rows of D1"
      columns={[
        'Rows of D1',
        { label: 'Today, at least', kind: 'number' },
        { label: 'A day, by the plan', kind: 'number' },
      ]}
      rows={(['read', 'written'] as const).map((kind) => ({
        cells: [KINDS[kind], grouped(resources.rows[kind]), grouped(resources.rowsADay[kind])],
      }))}
    />
    <p class="hint">
      Counted by the Worker since midnight UTC, from what D1 reports. Some reads come without a report, and what a
      Worker has not noted when it ends is lost. Cloudflare’s dashboard has the exact figures (D1, Metrics).
    </p>
  </section>
);

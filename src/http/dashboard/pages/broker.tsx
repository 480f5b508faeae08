import { Hono } from 'hono';

import {
  type BrokerHealth,
  type CronHealth,
  MAX_SHOWN,
  showBrokerActivity,
  showBrokerHealth,
} from '../../../broker/operator/operator-report.ts';
import { showResources } from '../../../broker/operator/show-resources.ts';
import { ALARMS } from '../../../domain/alarm.ts';
import type { EpochMs } from '../../../domain/time.ts';
import { Activity } from '../components/activity.tsx';
import { Badge } from '../components/badge.tsx';
import { BrokerResources } from '../components/resources.tsx';
import { Table } from '../components/table.tsx';
import { Ago } from '../components/time.tsx';
import type { DashboardEnv } from '../context.ts';
import { answerFailure } from '../failure.tsx';
import { page } from '../layout.tsx';

/** The operator's page: the cron, failures with their reasons, alarms and the keyring. */
export const brokerPages = new Hono<DashboardEnv>();

brokerPages.get('/', async (c) => {
  const [shown, activity, resources] = await Promise.all([
    showBrokerHealth(c.get('deps')),
    showBrokerActivity(c.get('deps')),
    showResources(c.get('deps')),
  ]);
  if (!shown.ok) return answerFailure(c, shown.failure);
  if (!activity.ok) return answerFailure(c, activity.failure);
  if (!resources.ok) return answerFailure(c, resources.failure);
  const health = shown.value;
  return page(
    c,
    { title: 'Broker', section: 'broker' },
    <>
      <h1>Broker</h1>
      <Alarms alarms={health.alarms} now={c.get('deps').now()} />
      <Cron health={health} now={c.get('deps').now()} />
      <BrokerResources resources={resources.value} />
      <div class="halves">
        <Reasons
          id="failing"
          title="Refreshes that fail now"
          none="None. Every due refresh succeeded."
          reasons={health.failing}
        />
        <Reasons
          id="lost"
          title="Lost in the last 30 days"
          none="None. No user has to reconnect."
          reasons={health.lost}
        />
      </div>
      <Activity
        days={activity.value.days}
        none="Nothing was synced or refreshed."
        hint={
          activity.value.sampleOf === undefined
            ? undefined
            : `Of ${activity.value.sampleOf.toLocaleString('en')} connections drawn at random.`
        }
      />
      <Keyring keyring={health.keyring} now={c.get('deps').now()} />
    </>,
  );
});

/** The active alarms. */
const Alarms = ({ alarms, now }: { alarms: BrokerHealth['alarms']; now: EpochMs }) =>
  alarms.length === 0 ? (
    <p class="hint">No alarm is active.</p>
  ) : (
    <ul class="attention" aria-label="Alarms">
      {alarms.map(({ code, since, reason }) => (
        <li class="bad">
          <strong>{ALARMS[code]}</strong>
          <span class="detail">
            <code>{code}</code> since <Ago at={since} now={now} />: {reason}
          </span>
        </li>
      ))}
    </ul>
  );

const CRON: Record<CronHealth, { tone: 'good' | 'wait' | 'bad'; label: string; explanation: string }> = {
  keeping_up: { tone: 'good', label: 'Keeping up', explanation: 'Nothing has waited for longer than ten minutes.' },
  paused: {
    tone: 'wait',
    label: 'Paused',
    explanation: 'Withings asked to wait, or the share of its requests is used up. It continues automatically.',
  },
  late: {
    tone: 'bad',
    label: 'Late',
    explanation:
      'Something has been due for more than ten minutes, or no tick came for more than an hour. Check in the log whether ticks run, and whether the batch is too small.',
  },
};

const counted = (count: number): string => `${count.toLocaleString('en')}${count >= MAX_SHOWN ? ' or more' : ''}`;

const Cron = ({ health: { cron, lastTickAt, backlog }, now }: { health: BrokerHealth; now: EpochMs }) => (
  <section aria-labelledby="cron">
    <div class="title">
      <h2 id="cron">Cron</h2>
      <Badge tone={CRON[cron].tone}>{CRON[cron].label}</Badge>
    </div>
    <p class="lead">{CRON[cron].explanation}</p>
    <dl class="figures">
      <div>
        <dt>Last tick, noted hourly</dt>
        <dd class="small">{lastTickAt === undefined ? 'none yet' : <Ago at={lastTickAt} now={now} />}</dd>
      </div>
      <div>
        <dt>Refreshes due</dt>
        <dd>{counted(backlog.due)}</dd>
      </div>
      <div>
        <dt>In doubt</dt>
        <dd>{counted(backlog.inDoubt)}</dd>
      </div>
      <div>
        <dt>Syncs to continue</dt>
        <dd>{counted(backlog.syncsToResume)}</dd>
      </div>
      <div>
        <dt>Longest overdue</dt>
        <dd class="small">
          {backlog.oldestDueAt === undefined ? 'nothing' : <Ago at={backlog.oldestDueAt} now={now} />}
        </dd>
      </div>
    </dl>
  </section>
);

const Reasons = ({
  id,
  title,
  none,
  reasons,
}: {
  id: string;
  title: string;
  none: string;
  reasons: BrokerHealth['failing'];
}) => (
  <section aria-labelledby={id}>
    <h2 id={id}>{title}</h2>
    {reasons.length === 0 ? (
      <p>{none}</p>
    ) : (
      <Table
        label={title}
        columns={['Reason', { label: 'Connections', kind: 'number' }]}
        rows={reasons.map(({ reason, count }) => ({ cells: [<code>{reason}</code>, counted(count)] }))}
      />
    )}
  </section>
);

const Keyring = ({ keyring, now }: { keyring: BrokerHealth['keyring']; now: EpochMs }) => {
  const { currentKeyId, keyIds, missingKeyIds, settled, state } = keyring;
  return (
    <section aria-labelledby="keyring">
      <div class="title">
        <h2 id="keyring">Keyring</h2>
        {missingKeyIds.length > 0 ? (
          <Badge tone="bad">Key missing</Badge>
        ) : (
          <Badge tone={settled ? 'good' : 'wait'}>{settled ? 'In order' : 'Sealing again'}</Badge>
        )}
      </div>
      {missingKeyIds.length > 0 && (
        <ul class="attention">
          <li class="bad">
            Stored tokens need {missingKeyIds.map((keyId) => `“${keyId}”`).join(', ')}, which the keyring lacks. Their
            connections pause and lose nothing: put the key back.
          </li>
        </ul>
      )}
      <dl class="facts card">
        <dt>Seals with</dt>
        <dd>
          <code>{currentKeyId}</code>
        </dd>
        <dt>Opens with</dt>
        <dd>
          <code>{keyIds.join(', ')}</code>
        </dd>
        {keyIds.length > 1 && (
          <>
            <dt>Other keys</dt>
            <dd>{settled ? 'No longer needed: you can remove them.' : 'Still needed, or not known yet. Keep them.'}</dd>
          </>
        )}
        {state?.last && (
          <>
            <dt>Last complete pass</dt>
            <dd>
              <Ago at={state.last.finishedAt} now={now} />: {state.last.resealed} sealed again, {state.last.broken}{' '}
              broken
            </dd>
          </>
        )}
      </dl>
    </section>
  );
};

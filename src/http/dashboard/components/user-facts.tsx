import type { Child } from 'hono/jsx';

import {
  type ConnectionDetail,
  type HistoryProgress,
  reauthReasonOf,
  type ShownPending,
} from '../../../domain/connection.ts';
import type { EpochMs } from '../../../domain/time.ts';
import type { TimelineEvent, TimelineEventKind } from '../../../domain/timeline.ts';
import { Ago, Moment } from './time.tsx';
import { DELIVERIES, REAUTH_SENTENCES } from './user-state.tsx';

/** A connection's details, without secrets. */
export const UserFacts = ({
  detail,
  pending,
  now,
}: {
  detail: ConnectionDetail | undefined;
  pending: ShownPending | undefined;
  now: EpochMs;
}) => (
  <>
    {detail?.stateReason && (
      <p class="hint">{REAUTH_SENTENCES[detail.stateReason]} The app sends the user through the link again.</p>
    )}
    {(detail ?? pending)?.isDemo === true && (
      <p class="hint">Linked to Withings’ demo account: the data is invented, and no figure counts this user.</p>
    )}
    {pending !== undefined && (
      <p class="hint">
        The user returned from Withings. There is no sync before your backend confirms the link’s ticket:{' '}
        <code>POST …/withings/confirm</code>.
      </p>
    )}
    <dl class="figures small">
      {pending !== undefined && (
        <Fact name="Waiting for confirmation since">
          <Ago at={pending.since} now={now} />
        </Fact>
      )}
      {detail && <ConnectionFacts detail={detail} now={now} />}
    </dl>
  </>
);

const Fact = ({ name, children }: { name: string; children: Child }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const HISTORIES: Record<HistoryProgress, string> = {
  unread: 'not read yet',
  reading: 'being read',
  partial: 'a part, as the app wants',
  complete: 'complete',
};

const ConnectionFacts = ({ detail, now }: { detail: ConnectionDetail; now: EpochMs }) => (
  <>
    <Fact name="Connected">
      <Ago at={detail.createdAt} now={now} />
    </Fact>
    <Fact name="Last sync">
      <Ago at={detail.lastSyncAt} now={now} />
    </Fact>
    <Fact name="Data as of">
      <Ago at={detail.dataAsOf} now={now} />
    </Fact>
    {detail.delivery !== undefined && <Fact name="Data comes">{DELIVERIES[detail.delivery]}</Fact>}
    <Fact name="Last push">
      <Ago at={detail.lastPushAt} now={now} />
    </Fact>
    <Fact name="History">{HISTORIES[detail.history]}</Fact>
    {detail.nextRefreshAt !== undefined && (
      <Fact name="Next refresh">
        <Ago at={detail.nextRefreshAt} now={now} />
      </Fact>
    )}
    <Fact name="Scopes">
      <code>{detail.scope.join(', ')}</code>
    </Fact>
    {detail.lastFailure && (
      <Fact name="Last failure">
        <code>{detail.lastFailure.kind}</code> <Ago at={detail.lastFailure.at} now={now} />
      </Fact>
    )}
  </>
);

const EVENTS: Record<TimelineEventKind, string> = {
  connected: 'Connected',
  reconnected: 'Connected again',
  refreshed: 'Tokens refreshed',
  refresh_failed: 'Refresh failed',
  reauth_required: 'Needs reconnect',
  synced: 'Synced',
  sync_failed: 'Sync failed',
  disconnected: 'Disconnected',
};

/** How much a sync could not read: `skipped_2`. */
const SKIPPED = /^skipped_(\d+)$/;

/** A reason in words; a failure has its code, which the troubleshooting page explains. */
const Reason = ({ reason }: { reason: string }) => {
  const reauth = reauthReasonOf(reason);
  if (reauth !== undefined) return <>: {REAUTH_SENTENCES[reauth]}</>;
  const skipped = SKIPPED.exec(reason)?.[1];
  if (skipped !== undefined) return <>: {skipped === '1' ? '1 value' : `${skipped} values`} could not be read</>;
  return (
    <>
      {' '}
      (<code>{reason}</code>)
    </>
  );
};

/** What happened to a connection, newest first. */
export const Timeline = ({ events }: { events: readonly TimelineEvent[] }) => (
  <section aria-labelledby="timeline">
    <h2 id="timeline">Timeline</h2>
    {events.length === 0 ? (
      <p class="hint">Nothing yet.</p>
    ) : (
      <ol class="events">
        {events.map(({ kind, reason, at, until, count }) => (
          <li>
            <strong>{EVENTS[kind]}</strong>
            {count !== undefined && ` ${count} times`}
            {reason !== undefined && <Reason reason={reason} />}{' '}
            <span class="meta">
              <Moment at={at} />
              {until !== undefined && (
                <>
                  {' '}
                  to <Moment at={until} />
                </>
              )}
            </span>
          </li>
        ))}
      </ol>
    )}
  </section>
);

import type { ConnectionDetail } from '../../../domain/connection.ts';
import type { EpochMs } from '../../../domain/time.ts';
import type { TimelineEvent, TimelineEventKind } from '../../../domain/timeline.ts';
import { Ago, Moment } from './time.tsx';
import { REAUTH_REASONS } from './user-state.tsx';

/** What is known of a connection, without anything secret. */
export const UserFacts = ({
  detail,
  pendingSince,
  now,
}: {
  detail: ConnectionDetail | undefined;
  pendingSince: EpochMs | undefined;
  now: EpochMs;
}) => (
  <>
    {detail?.stateReason && <p>{REAUTH_REASONS[detail.stateReason]} The app sends the user through the link again.</p>}
    <dl class="facts">
      {pendingSince !== undefined && (
        <>
          <dt>Waiting for confirmation</dt>
          <dd>
            since <Ago at={pendingSince} now={now} />
          </dd>
        </>
      )}
      {detail && <ConnectionFacts detail={detail} now={now} />}
    </dl>
  </>
);

const ConnectionFacts = ({ detail, now }: { detail: ConnectionDetail; now: EpochMs }) => (
  <>
    <dt>Connected</dt>
    <dd>
      <Ago at={detail.createdAt} now={now} />
    </dd>
    <dt>Last sync</dt>
    <dd>
      <Ago at={detail.lastSyncAt} now={now} />
    </dd>
    {detail.nextRefreshAt !== undefined && (
      <>
        <dt>Next refresh</dt>
        <dd>
          <Ago at={detail.nextRefreshAt} now={now} />
        </dd>
      </>
    )}
    <dt>Scopes</dt>
    <dd>
      <code>{detail.scope.join(', ')}</code>
    </dd>
    {detail.lastFailure && (
      <>
        <dt>Last failure</dt>
        <dd>
          <code>{detail.lastFailure.kind}</code> <Ago at={detail.lastFailure.at} now={now} />
        </dd>
      </>
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
  disconnected: 'Disconnected',
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
            {reason !== undefined && (
              <>
                {' '}
                (<code>{reason}</code>)
              </>
            )}{' '}
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

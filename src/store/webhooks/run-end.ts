import type { AppId } from '../../domain/app-id.ts';
import type { EpochMs } from '../../domain/time.ts';
import type { Attempt, DisabledReason } from '../../domain/webhooks/endpoint.ts';
import { MAX_ATTEMPTS_KEPT } from '../../domain/webhooks/limits.ts';
import { returnedRows, tryD1, tryD1Idempotent, type Db, type StoreResult } from '../d1.ts';
import type { SendingEndpoint, SendLease } from './deliveries.ts';

/** What a run over an endpoint stores. Raw SQL: a list as one parameter (`json_each`), and it appends to JSON. */

/** What a run changed. */
export type RunOutcome = {
  deliveredSeq: number;
  /** Retries that are finished: delivered, given up, or of erased users. With another time one was queued again. */
  settled: readonly { seq: number; nextAt: EpochMs }[];
  /** Events that wait: new ones, and those whose time changed. */
  waiting: readonly { seq: number; failures: number; nextAt: EpochMs }[];
  attempts: readonly Attempt[];
  failingSince: EpochMs | undefined;
  failures: number;
  /** When the cron sends again; undefined if nothing waits. */
  dueAt: EpochMs | undefined;
  disabled: DisabledReason | undefined;
};

/**
 * Ends a run without a lease, if the endpoint is as it was read. So a usual event costs one row here and none for a
 * lease.
 *
 * @returns false if another run came first
 */
export const finishAtOnce = (
  db: Db,
  endpoint: SendingEndpoint,
  outcome: RunOutcome,
  now: EpochMs,
): StoreResult<boolean> =>
  tryD1(db, async () => {
    const unchanged = { text: 'lease_id IS NULL AND delivered_seq = ?11', bound: endpoint.deliveredSeq };
    const [finished] = await db.d1.batch([
      endpointStatement(db, endpoint, outcome, now, unchanged),
      ...waitingStatements(db, endpoint, outcome, { text: 'changes() > 0', bound: [] }),
    ]);
    return returnedRows(finished) > 0;
  });

/**
 * Ends a run under a lease and releases the lease. Does nothing if the lease was lost: what was sent is then sent
 * again, and receivers recognize it by the event's id.
 */
export const finishSending = (
  db: Db,
  endpoint: { appId: AppId; id: string },
  lease: SendLease,
  outcome: RunOutcome,
  now: EpochMs,
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    const isHeld = {
      text: `EXISTS (SELECT 1 FROM webhook_endpoints WHERE app_id = ?3 AND id = ?1 AND lease_id = ?4)`,
      bound: [endpoint.appId, lease.id],
    };
    await db.d1.batch([
      ...settledStatements(db, endpoint, outcome, isHeld),
      ...waitingStatements(db, endpoint, outcome, isHeld),
      endpointStatement(db, endpoint, outcome, now, { text: 'lease_id = ?11', bound: lease.id }),
    ]);
  });

/** `?1` is the endpoint, `?2` the list. */
type Condition = { text: string; bound: readonly string[] };

const settledStatements = (
  db: Db,
  { id }: { id: string },
  { settled }: RunOutcome,
  condition: Condition,
): D1PreparedStatement[] =>
  settled.length === 0
    ? []
    : [
        db.d1
          .prepare(
            `DELETE FROM webhook_retries WHERE endpoint_id = ?1
               AND (seq, next_at) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?2)) AND ${condition.text}`,
          )
          .bind(id, JSON.stringify(settled.map(({ seq, nextAt }) => [seq, nextAt])), ...condition.bound),
      ];

const waitingStatements = (
  db: Db,
  { id }: { id: string },
  { waiting }: RunOutcome,
  condition: Condition,
): D1PreparedStatement[] =>
  waiting.length === 0
    ? []
    : [
        db.d1
          .prepare(
            `INSERT INTO webhook_retries (endpoint_id, seq, failures, next_at)
             SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2) WHERE ${condition.text}
             ON CONFLICT DO UPDATE SET failures = excluded.failures, next_at = excluded.next_at`,
          )
          .bind(
            id,
            JSON.stringify(waiting.map(({ seq, failures, nextAt }) => [seq, failures, nextAt])),
            ...condition.bound,
          ),
      ];

/** When the endpoint is due by what was queued during the run. A lease has set the time at which it ends. */
const QUEUED_AT = 'nullif(due_at, lease_until)';

/** Records what a run changed, if a condition still holds. */
const endpointStatement = (
  db: Db,
  { appId, id }: { appId: AppId; id: string },
  { deliveredSeq, attempts, failingSince, failures, dueAt, disabled }: RunOutcome,
  now: EpochMs,
  condition: { text: string; bound: string | number },
): D1PreparedStatement =>
  db.d1
    .prepare(
      `UPDATE webhook_endpoints SET delivered_seq = ?3, failing_since = ?4, failures = ?5,
         due_at = CASE WHEN ?7 IS NULL AND disabled_at IS NULL THEN coalesce(min(?6, ${QUEUED_AT}), ?6, ${QUEUED_AT}) END,
         disabled_at = CASE WHEN ?7 IS NULL THEN disabled_at ELSE ?8 END, disabled_reason = coalesce(?7, disabled_reason),
         attempts = (SELECT json_group_array(json(value)) FROM (
           SELECT value FROM (
             SELECT key AS place, value FROM json_each(webhook_endpoints.attempts)
             UNION ALL SELECT json_array_length(webhook_endpoints.attempts) + key, value FROM json_each(?9))
           WHERE place >= json_array_length(webhook_endpoints.attempts) + json_array_length(?9) - ?10 ORDER BY place)),
         lease_id = NULL, lease_until = NULL
       WHERE app_id = ?1 AND id = ?2 AND ${condition.text}
       RETURNING id`,
    )
    .bind(
      appId,
      id,
      deliveredSeq,
      failingSince ?? null,
      failures,
      dueAt ?? null,
      disabled ?? null,
      now,
      JSON.stringify(attempts),
      MAX_ATTEMPTS_KEPT,
      condition.bound,
    );

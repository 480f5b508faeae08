import { Hono } from 'hono';
import type * as z from 'zod';

import { operatorStatus, type OperatorStatus } from '../../../broker/operator/operator-status.ts';
import { type KeyringReport, reportKeyring, resealStep } from '../../../broker/tokens/reseal.ts';
import type { ResealWalk } from '../../../domain/reseal.ts';
import type { HttpEnv } from '../../context.ts';
import { answerFailure } from '../../problem.ts';
import { forOperator } from '../admission/admit-manager.ts';
import { instant, instantOrNull } from '../instant.ts';
import type * as contract from './contract.ts';

/** The operator's routes. */
export const operatorApi = new Hono<HttpEnv>();

/** The state of the cron, failures with their reasons, alarms, keyring, credentials and migrations. */
operatorApi.get('/status', forOperator, async (c) => {
  const status = await operatorStatus(c.get('deps'));
  return status.ok ? c.json(renderStatus(status.value)) : answerFailure(c, status.failure);
});

/** The keyring: its keys, missing keys, and the progress of sealing again with the current key. */
operatorApi.get('/keyring', forOperator, async (c) => {
  const report = await reportKeyring(c.get('deps'));
  return report.ok ? c.json(renderKeyring(report.value)) : answerFailure(c, report.failure);
});

/** Seals the next batch with the current key, without waiting for the cron. Send it until `walk` is null. */
operatorApi.post('/keyring/reseal', forOperator, async (c) => {
  const report = await resealStep(c.get('deps'));
  return report.ok ? c.json(renderKeyring(report.value)) : answerFailure(c, report.failure);
});

const renderStatus = ({
  now,
  health,
  withings,
  migrations,
}: OperatorStatus): z.infer<typeof contract.operatorStatus> => ({
  now: instant(now),
  cron: {
    state: health.cron,
    last_tick_noted_at: instantOrNull(health.lastTickAt),
    refreshes_due: health.backlog.due,
    refreshes_in_doubt: health.backlog.inDoubt,
    syncs_to_resume: health.backlog.syncsToResume,
    oldest_due_at: instantOrNull(health.backlog.oldestDueAt),
  },
  failing: health.failing,
  lost: health.lost,
  keyring: {
    current_key_id: health.keyring.currentKeyId,
    missing_key_ids: health.keyring.missingKeyIds,
    settled: health.keyring.settled,
  },
  alarms: health.alarms.map(({ code, since, reason }) => ({ code, since: instant(since), reason })),
  withings,
  migrations: { wanted: migrations.wanted, applied: migrations.applied ?? null },
});

const renderKeyring = ({ state, ...report }: KeyringReport): z.infer<typeof contract.keyring> => ({
  current_key_id: report.currentKeyId,
  key_ids: [...report.keyIds],
  missing_key_ids: report.missingKeyIds,
  settled: report.settled,
  walk: state?.walk === undefined ? null : renderWalk(state.walk),
  last_walk:
    state?.last === undefined ? null : { ...renderWalk(state.last), finished_at: instant(state.last.finishedAt) },
});

const renderWalk = ({ startedAt, counts, resealed, broken }: ResealWalk) => ({
  started_at: instant(startedAt),
  connections_by_key: counts,
  resealed,
  broken,
});

import { Hono } from 'hono';
import type * as z from 'zod';

import { type KeyringReport, reportKeyring, resealStep } from '../../broker/reseal.ts';
import type { ResealWalk } from '../../domain/reseal.ts';
import type { HttpEnv } from '../context.ts';
import { answerFailure } from '../problem.ts';
import { forOperator } from './admit.ts';
import type { keyring } from './contract-operator.ts';
import { instant } from './render.ts';

/** What concerns the broker itself, for its operator. */
export const operatorApi = new Hono<HttpEnv>();

/** Which keys there are, which are missing, and how far sealing anew is. */
operatorApi.get('/keyring', forOperator, async (c) => {
  const report = await reportKeyring(c.env.deps);
  return report.ok ? c.json(renderKeyring(report.value)) : answerFailure(c, report.failure);
});

/** Goes one step further with sealing anew, without waiting for the cron. Send it until `walk` is null. */
operatorApi.post('/keyring/reseal', forOperator, async (c) => {
  const report = await resealStep(c.env.deps);
  return report.ok ? c.json(renderKeyring(report.value)) : answerFailure(c, report.failure);
});

const renderKeyring = ({ state, ...report }: KeyringReport): z.infer<typeof keyring> => ({
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

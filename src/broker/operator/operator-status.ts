import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { EpochMs } from '../../domain/time.ts';
import { type MigrationState, migrationState } from '../../store/operator/migrations.ts';
import type { Deps } from '../deps.ts';
import { recordObservations } from './alarms.ts';
import { type BrokerHealth, showBrokerHealth } from './operator-report.ts';

/** What Withings answers to the broker's id and secret: accepted, rejected, or no usable answer. */
export type ClientProof = 'accepted' | 'rejected' | 'unanswered';

/** The operator's status before and after a deployment. */
export type OperatorStatus = {
  now: EpochMs;
  health: BrokerHealth;
  withings: ClientProof;
  migrations: MigrationState;
};

/**
 * Reads everything that an operator may have to fix. Sends one signed request to Withings, which changes nothing there.
 */
export const operatorStatus = async (deps: Deps): Promise<Result<OperatorStatus, Failure>> => {
  const [health, migrations, withings] = await Promise.all([
    showBrokerHealth(deps),
    migrationState(deps.db),
    proveClient(deps),
  ]);
  if (!health.ok) return health;
  if (!migrations.ok) return migrations;
  if (withings !== 'unanswered') {
    const withings_client_rejected = withings === 'rejected' && 'met by a look at the operator’s status';
    deps.waitUntil(recordObservations(deps, { withings_client_rejected }));
  }
  return ok({ now: deps.now(), health: health.value, withings, migrations: migrations.value });
};

const proveClient = async (deps: Deps): Promise<ClientProof> => {
  const granted = await deps.withings.reserve({ share: 'other' }, 1);
  if (!granted.ok) return 'unanswered';
  const proof = await deps.withings.proveClient(granted.value);
  if (proof.ok) return 'accepted';
  return proof.failure.kind === 'client_rejected' ? 'rejected' : 'unanswered';
};
